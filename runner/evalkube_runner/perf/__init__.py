"""The load generator: a schedule, a connection engine, what it measures, and whether that can be trusted."""
