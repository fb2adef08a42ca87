"""How sure one must be before a fault is raised or cleared: a table with a line per code, no logic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Raised when `raise_n` of the last `raise_m` known observations showed the condition, the last one
    too, and `raise_hold_s` have passed since the first of them. Cleared after `clear_n` without it in a
    row, the first of them `clear_hold_s` ago. Not raised while one of `causes` is present or raised: a
    consequence is no fault of its own."""

    raise_n: int = 1
    raise_m: int = 1
    raise_hold_s: float = 0.0
    clear_n: int = 1
    clear_hold_s: float = 0.0
    causes: frozenset[str] = frozenset()


_ONCE = Rule()
_TWICE = Rule(raise_n=2, raise_m=2, clear_n=2)
"""One wrong answer must not call a technician; with the fast second reading this costs half a second."""
_STEADY = Rule(raise_n=2, raise_m=3, raise_hold_s=20, clear_n=3, clear_hold_s=20)
"""For what comes and goes at the edge of a sensor."""
_FIGURE = Rule(raise_n=2, raise_m=2, clear_n=2)

_STOPS_PRINTING = frozenset(
    f"printer.{word}"
    for word in (
        "cover_open", "paper_end", "head_lever_up", "head_overheat", "cutter_error", "mechanism_error",
        "power_supply",
    )
)  # fmt: skip

RULES: Mapping[str, Rule] = {
    "printer.cover_open": _TWICE,
    "printer.paper_end": _TWICE,
    "printer.paper_near_end": replace(_TWICE, causes=frozenset({"printer.paper_end"})),
    "printer.head_lever_up": _TWICE,
    "printer.head_overheat": replace(_TWICE, clear_hold_s=5),
    "printer.cutter_error": _TWICE,
    "printer.mechanism_error": _TWICE,
    "printer.power_supply": _TWICE,
    "printer.offline": Rule(raise_n=3, raise_m=3, raise_hold_s=5, clear_n=2, causes=_STOPS_PRINTING),
    "fiscal.memory_full": _TWICE,
    "fiscal.memory_near_full": replace(_TWICE, causes=frozenset({"fiscal.memory_full"})),
    "fiscal.memory_error": replace(_TWICE, causes=frozenset({"fiscal.memory_missing"})),
    "fiscal.memory_readonly": replace(_TWICE, causes=frozenset({"fiscal.memory_full"})),
    "fiscal.memory_missing": _TWICE,
    "fiscal.journal_near_full": replace(_TWICE, causes=frozenset({"fiscal.journal_full"})),
    "fiscal.journal_full": _TWICE,
    "fiscal.day_over_24h": _TWICE,
    "fiscal.clock_not_set": _TWICE,
    "fiscal.clock_drift": replace(_FIGURE, causes=frozenset({"fiscal.clock_not_set"})),
    "fiscal.ram_reset": _TWICE,
    "fiscal.battery_low": _TWICE,
    "fiscal.tax_link": _STEADY,
    "fiscal.not_registered": _TWICE,
    "drawer.open_too_long": Rule(raise_n=2, raise_m=2, raise_hold_s=120, clear_n=2),
    "device.no_reply": Rule(raise_n=3, raise_m=3, raise_hold_s=10, clear_n=1),
    "device.port_missing": Rule(raise_n=2, raise_m=2, raise_hold_s=5, clear_n=1),
    "device.protocol_mismatch": Rule(raise_n=5, raise_m=5, raise_hold_s=15, clear_n=1),
    "device.identity_changed": _ONCE,
    "host.disk_low": _FIGURE,
    "host.memory_low": replace(_FIGURE, raise_hold_s=60),
    "host.too_hot": replace(_FIGURE, raise_hold_s=60),
    "host.clock_drift": _FIGURE,
    "host.service_down": Rule(raise_n=2, raise_m=2),
    "host.pos_not_running": Rule(raise_n=3, raise_m=3, raise_hold_s=100),
    "agent.over_budget": Rule(raise_n=3, raise_m=3, clear_n=3),
}
"""A code without a line is raised and cleared by a single observation: who observes it has already made
sure."""

DEFAULT = _ONCE


def rules_for_device(drawer_open_too_long_s: float) -> Mapping[str, Rule]:
    """The table with what the configuration of one device sets."""
    drawer = replace(RULES["drawer.open_too_long"], raise_hold_s=drawer_open_too_long_s)
    return {**RULES, "drawer.open_too_long": drawer}
