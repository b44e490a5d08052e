"""The results of runs for people: HTML pages and text tables. Values in, text out; no file is written here."""
