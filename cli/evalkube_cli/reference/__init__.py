"""Pages of the documents that are made of the code: parameters, benchmarks, metric names, failure reasons."""
