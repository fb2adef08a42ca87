"""Results of backups and restore drills: the next good one ends the fault at once."""

from collector.incidents.engine import Decision, Happening, Known, Place, follow

name = "backup"
_CODES = ("backup.",)


def applies(code: str) -> bool:
    return code.startswith(_CODES)


def decide(happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    return follow(name, happening, known, place)
