"""The request and response languages of model servers, one file each; table.py lists them."""
