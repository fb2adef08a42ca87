"""Faults of the till's computer and of what runs on it. They come and go more slowly than those of
devices."""

from collector.incidents.engine import Decision, Happening, Known, Place, follow

name = "host"
_CODES = ("host.", "software.", "agent.")


def applies(code: str) -> bool:
    return code.startswith(_CODES)


def decide(happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    return follow(name, happening, known, place)
