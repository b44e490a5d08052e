"""What a load test measured: its tables and its page. Values in, values out."""
