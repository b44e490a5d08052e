"""All requests of a load test's point: an index of them, pages of it, and figures over time. No I/O but given bytes."""
