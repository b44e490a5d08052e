"""The contract: what a run is asked to do and what it reports.

Words and arithmetic that the API, the operator and the runner must agree on. No I/O, no logging, no settings; nothing
is imported but pydantic and the standard library.
"""
