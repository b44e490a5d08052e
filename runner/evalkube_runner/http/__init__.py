"""HTTP on the way to a URL: its parts and heads, proxies, and the clients for requests that are no load."""
