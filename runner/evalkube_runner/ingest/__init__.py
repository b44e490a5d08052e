"""Delivery of what a run leaves to the operator's ingest, over HTTP."""
