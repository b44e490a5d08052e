"""The metrics: they make a score of an extracted answer."""
