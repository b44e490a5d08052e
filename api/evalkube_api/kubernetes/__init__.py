"""The backend of a cluster: runs are custom resources, the operator executes them, and no state is kept here."""
