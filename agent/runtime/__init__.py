"""Wires the rooms of the agent together and keeps it running."""
