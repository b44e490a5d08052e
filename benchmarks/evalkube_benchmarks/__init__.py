"""The benchmarks: their questions, how replies are read, and how they are scored. Pure, except for the sample items."""
