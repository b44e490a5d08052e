"""Ingest: takes progress, checkpoints, artifacts and results from runners over HTTP, and lets the API read them."""
