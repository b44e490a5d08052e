"""A model server with known timing: `evalkube mock-model`."""
