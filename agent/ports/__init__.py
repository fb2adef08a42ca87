"""The only room that opens a port. It moves bytes and knows no protocol; it never reconnects by itself."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.ports.port import Port
    from agent.ports.registry import exists, open_port

__all__ = ["Port", "exists", "open_port"]


def __getattr__(name: str) -> object:
    """Loads the ports when they are asked for: the tap, a process of its own in this room, needs none of them."""
    if name == "Port":
        from agent.ports.port import Port  # noqa: PLC0415

        return Port
    if name in __all__:
        from agent.ports import registry  # noqa: PLC0415

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
