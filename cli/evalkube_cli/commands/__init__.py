"""The subcommands, one module each. They are thin: `asking` reads the options, `showing` prints."""
