"""The `evalkube` command. It imports none of the programs; it knows them by name."""
