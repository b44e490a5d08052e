"""The contract: what a run is asked to do, and what it reports.

The API, the operator and the runner must agree on these words and this arithmetic. No I/O, no logging, no settings. It
imports pydantic and the standard library only.
"""
