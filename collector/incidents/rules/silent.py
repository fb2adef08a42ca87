"""`agent.silent`: the collector itself raises it when a terminal was not heard for too long, and clears it
with the next report. It does not repeat while the silence lasts."""

from collector.incidents.engine import Decision, Happening, Known, Place, Repeat, follow

name = "silent"
CODE = "agent.silent"


def applies(code: str) -> bool:
    return code == CODE


def decide(happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    return [d for d in follow(name, happening, known, place) if not isinstance(d, Repeat)]
