"""The report of a load test: tables and page. Values in, values out."""
