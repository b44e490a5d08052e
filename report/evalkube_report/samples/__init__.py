"""All samples of an evaluation: an index of them, pages of it, and one sample read back. No I/O but given bytes."""
