"""The benchmark core: executes one run, or one shard of it, and delivers what came out. Knows no Kubernetes."""
