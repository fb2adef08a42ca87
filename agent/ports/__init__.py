"""The only room that opens a port. It moves bytes and knows no protocol; it never reconnects by itself."""

from agent.ports.port import Port
from agent.ports.registry import exists, open_port

__all__ = ["Port", "exists", "open_port"]
