"""The dashboard: pages for people over the same backend as the REST API.

It calls the backend in this process, never its own REST API over HTTP. The browser fetches only the parts of an open
page that change.
"""
