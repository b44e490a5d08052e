"""The benchmarks: what is asked, how replies are read, and how they are scored. Pure, but for the sample items."""
