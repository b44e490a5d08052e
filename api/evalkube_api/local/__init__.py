"""The backend of one machine: runners are processes, run documents are files."""
