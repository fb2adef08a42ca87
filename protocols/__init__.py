"""Bytes and values in, bytes and values out: nothing here opens a port, a socket or a file, or looks at a clock."""
