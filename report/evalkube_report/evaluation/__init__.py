"""What an evaluation measured: its tables, its samples, its page. Values in, values out."""
