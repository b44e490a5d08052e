"""The server's own view of a load: reads the Prometheus metrics of the server that is tested, and of GPUs beside it."""
