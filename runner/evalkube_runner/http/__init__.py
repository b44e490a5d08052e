"""How requests get to a URL: its parts and heads, proxies, and the HTTP clients of what is no load."""
