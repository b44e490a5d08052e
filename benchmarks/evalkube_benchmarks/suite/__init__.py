"""The benchmarks, one short declarative file each; `table` lists them."""
