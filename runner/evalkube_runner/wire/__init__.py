"""The APIs of endpoints: bytes in, facts out. No sockets, no clocks."""
