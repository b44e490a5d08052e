"""The dialects of model servers, for requests and responses; one file each, listed in table.py."""
