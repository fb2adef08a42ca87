"""Consistent, encrypted, append-only copies of the cash system's data, and the proof that they restore."""
