"""The report of an evaluation: tables, samples, page. Values in, values out."""
