"""The backend of a cluster: runs are custom resources, the operator does the work, and nothing is kept here."""
