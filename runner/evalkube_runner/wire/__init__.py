"""The APIs of endpoints: bytes in, values out. No sockets, no clocks."""
