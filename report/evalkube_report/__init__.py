"""What a run measured, for people: HTML pages, text tables. Values in, text out; no file is written here."""
