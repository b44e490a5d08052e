"""From words of a command line to a request: options, files, gates. What is wrong is said of what was typed."""
