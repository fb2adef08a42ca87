"""Faults of printers, fiscal devices and drawers. Short hold: a technician waits for it to go green."""

from collector.incidents.engine import Decision, Happening, Known, Place, follow

name = "device"
_CODES = ("printer.", "fiscal.", "drawer.", "device.")


def applies(code: str) -> bool:
    return code.startswith(_CODES)


def decide(happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    return follow(name, happening, known, place)
