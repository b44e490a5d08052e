"""What a person reads: tables for a terminal, documents for programs."""
