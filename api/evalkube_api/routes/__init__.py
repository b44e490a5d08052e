"""The endpoints: each reads a request, asks the backend, and writes the answer."""
