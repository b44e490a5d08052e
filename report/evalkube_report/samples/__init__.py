"""All samples of an evaluation: their index, pages of it, and single samples. No I/O: bytes are given."""
