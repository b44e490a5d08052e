"""All requests of a load test's point: their index, pages of it, and figures over time. No I/O: bytes are given."""
