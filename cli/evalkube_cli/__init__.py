"""The `evalkube` command. It imports no program: programs are named."""
