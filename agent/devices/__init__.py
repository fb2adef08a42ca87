"""Asks devices and says what they answered. Knows no family by name, and no port but through `agent.ports`; the
only room that tries again after a port or a device was lost."""
