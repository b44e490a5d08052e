"""Generated pages of the documents: parameters, benchmarks, metric names, failure reasons."""
