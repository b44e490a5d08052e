"""Keeps what runs deliver: one interface, a volume or a bucket behind it, and the view of a run's artifacts."""
