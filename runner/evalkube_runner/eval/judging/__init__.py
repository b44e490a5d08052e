"""Grading by language models: the prompts of judges, reading their replies, and combining several verdicts."""
