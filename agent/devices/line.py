"""Line settings of a port: what the configuration says, else what the family usually has."""

from dataclasses import replace

from protocols.device.family import Family, Serial

_ANY = Serial(bauds=(9600,))
"""For families that are reached by other ways than a serial line."""


def line_of(family: Family, baud: int | None = None, parity: str | None = None) -> Serial:
    line = family.ports.serial or _ANY
    if baud:
        line = replace(line, bauds=(baud,))
    return replace(line, parity=parity) if parity else line
