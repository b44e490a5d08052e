"""The read-only backend of a folder of outputs, for `evalkube view`."""
