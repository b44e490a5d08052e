"""Grading by language models: what judges are asked, how their words are read, how several verdicts become one."""
