"""The backend that looks at a folder of outputs and changes nothing in it: what `evalkube view` shows."""
