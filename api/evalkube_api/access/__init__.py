"""Access control: host name, origin of the page, and token of a request. Routes know nothing of it."""
