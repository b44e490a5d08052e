"""Makes a request of the words of a command line: options, files, conditions. Errors name what the user typed."""
