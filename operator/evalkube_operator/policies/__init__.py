"""Policies: one decision each, called by the plan. Pure: no I/O, no clock; times come in as arguments."""
