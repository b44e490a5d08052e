"""Commands of the shell: a module each, thin over what asks and what shows."""
