"""The endpoints: each reads a request, calls the backend, and writes the answer."""
