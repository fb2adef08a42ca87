"""Device states and facts in plain words: the glyphs of a row and the lines of the timeline. Reads what
ingest stored; a field that is not there is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collector.web import findings

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


@dataclass(frozen=True, slots=True)
class Glyph:
    """`tone` is "" for unknown."""

    icon: str
    tone: str
    word: "Lazy"


def glyphs(state: Mapping[str, object]) -> list[Glyph]:
    """Paper, cover and drawer. Nothing for what the device never told."""
    found = (_paper(state), _cover(state), _drawer(state))
    return [glyph for glyph in found if glyph]


def _paper(state: Mapping[str, object]) -> Glyph | None:
    if state.get("paper_end"):
        return Glyph("receipt-off", "fault", _("No paper"))
    if state.get("paper_near_end"):
        return Glyph("receipt", "attention", _("Paper low"))
    if state.get("paper_end") is False:
        return Glyph("receipt", "ok", _("Paper"))
    return None


def _cover(state: Mapping[str, object]) -> Glyph | None:
    if state.get("cover_open") is None:
        return None
    return Glyph("box", "fault", _("Cover open")) if state["cover_open"] else Glyph("box", "ok", _("Cover"))


def _drawer(state: Mapping[str, object]) -> Glyph | None:
    if state.get("drawer_open") is None:
        return None
    open_ = bool(state["drawer_open"])
    return Glyph("inbox", "attention", _("Drawer open")) if open_ else Glyph("inbox", "ok", _("Drawer"))


FLAGS: "dict[str, Lazy]" = {
    "online": _("Online"),
    "cover_open": _("Cover open"),
    "paper_end": _("Paper out"),
    "paper_near_end": _("Paper near end"),
    "head_lever_up": _("Head lever up"),
    "head_overheat": _("Head too hot"),
    "cutter_error": _("Cutter jammed"),
    "mechanism_error": _("Mechanism error"),
    "power_supply_fault": _("Power supply fault"),
    "drawer_sensor_high": _("Drawer sensor high"),
    "drawer_open": _("Drawer open"),
    "battery_low": _("Battery low"),
    "ram_reset": _("Memory was reset"),
    "clock_set": _("Clock set"),
    "day_open": _("Fiscal day open"),
    "day_over_24h": _("Fiscal day over 24 h"),
    "receipt_open": _("Receipt open"),
    "fiscal_memory_full": _("Fiscal memory full"),
    "fiscal_memory_near_full": _("Fiscal memory nearly full"),
    "fiscal_memory_error": _("Fiscal memory error"),
    "fiscal_memory_readonly": _("Fiscal memory read-only"),
    "fiscal_memory_missing": _("Fiscal memory missing"),
    "journal_full": _("Journal full"),
    "journal_near_full": _("Journal nearly full"),
    "fiscalised": _("Fiscalised"),
    "tax_number_set": _("Tax number set"),
    "tax_link_fault": _("Tax link fault"),
    "busy": _("Busy"),
}
VALUES: "dict[str, Lazy]" = {
    "device_time": _("Device clock"),
    "last_z_number": _("Last Z report"),
    "last_z_time": _("Last Z report at"),
    "free_z_records": _("Free Z records"),
    "supply_voltage": _("Supply voltage"),
}
IDENTITY: "dict[str, Lazy]" = {
    "maker": _("Maker"),
    "model": _("Model"),
    "firmware": _("Firmware"),
    "serial": _("Serial number"),
    "fiscal_memory_number": _("Fiscal memory number"),
    "tax_number": _("Tax number"),
}
GOOD = frozenset({"online", "clock_set", "fiscalised", "tax_number_set"})
"""Flags that are well when true."""
NEUTRAL = frozenset({"drawer_sensor_high", "day_open", "receipt_open", "busy", "drawer_open"})
"""Flags that say nothing about health."""

FACTS: "dict[str, Lazy]" = {
    "agent.started": _("Agent started"),
    "agent.stopped": _("Agent stopped"),
    "agent.crashed": _("Agent had crashed"),
    "agent.stuck": _("A job of the agent hung, and the agent was started anew"),
    "drawer.opened": _("Drawer opened"),
    "drawer.closed": _("Drawer closed"),
    "drawer.polarity_learned": _("Drawer sensor is understood"),
    "drawer.polarity_unknown": _("Drawer sensor is not understood any more"),
    "drawer.polarity_contradicted": _("Drawer opens against its setting"),
    "fiscal.memory_forecast": _("Fiscal memory has a date when it is full"),
    "paper.forecast": _("Paper roll is near its end"),
    "device.connected": _("Device connected"),
    "device.disconnected": _("Device disconnected"),
    "uplink.way_changed": _("Way to the collector changed"),
    "agent.gap": _("States or figures are missing"),
    "agent.spool_renewed": _("Queue of the agent began anew"),
    "agent.message_quarantined": _("A message could not be read here"),
    **findings.TITLES,
}

DEAD: "dict[str, Lazy]" = {
    "own_way": _("the till's own way was dead, its neighbours' was not"),
    "lan": _("the network of the shop or the till's cable was dead"),
    "line": _("the line of the shop was dead"),
    "collector": _("the collector took no reports"),
    "unknown": _("it is not known what was dead"),
}
"""What the tills of a shop found out together (agent.uplink.relay_diagnosis)."""

SAMPLES: "dict[str, Lazy]" = {
    "cpu_percent": _("Processor, %"),
    "memory_available_percent": _("Memory free, %"),
    "disk_free_percent": _("Disk free, %"),
    "temperature_celsius": _("Temperature, °C"),
    "clock_offset_s": _("Clock offset, s"),
    "round_trip_ms": _("Answer time, ms"),
    "memory_available_bytes": _("Memory free, B"),
    "disk_free_bytes": _("Disk free, B"),
    "paper_mm": _("Paper printed, mm"),
    "line_feeds": _("Line feeds"),
    "running_h": _("Hours of operation"),
    "ram_resets": _("Memory resets"),
    "documents": _("Documents printed"),
    "cuts": _("Cuts"),
    "power_ons": _("Times switched on"),
    "drawer_kicks": _("Drawer kicks"),
    "fiscal_memory_full_in_days": _("Fiscal memory full in, days"),
    "disk_full_in_days": _("Disk full in, days"),
    "battery_percent": _("Battery, %"),
    "agent_cpu_percent": _("Agent: processor, % of one core"),
    "agent_memory_mib": _("Agent: memory, MiB"),
    "agent_disk_mib_per_h": _("Agent: written to disk, MiB an hour"),
    "agent_sent_mib_per_h": _("Agent: sent, MiB an hour"),
    "agent_late_s": _("Agent: latest job came late by, s"),
    "queue_messages": _("Messages that wait at the till"),
    "queue_bytes": _("Queue at the till, B"),
    "agent_slowed": _("Agent: polls are rarer by a factor of"),
    "battery_left_s": _("Battery lasts, s"),
    "network_dns_ms": _("Name server, ms"),
    "spooler_jobs": _("Print jobs that wait"),
    "spooler_oldest_s": _("Oldest print job, s"),
    "services_down": _("Services that do not run"),
    "pos_processes": _("Processes of the cash program"),
    "front_log_errors": _("Errors in the log of iiko or Syrve"),
}


def sample_word(name: str) -> str:
    """What stands after a colon, such as a disk or a printer, is its own name."""
    base, colon, of = name.partition(":")
    word = str(SAMPLES.get(base, base))
    return f"{word} · {of}" if colon else word


def _day(text: str) -> str:
    """An ISO date as dates stand on all pages; anything else as it came."""
    try:
        return date.fromisoformat(text).strftime("%d.%m.%Y")
    except ValueError:
        return text


def fact_note(name: str, detail: Mapping[str, object]) -> str:
    """What the details of a fact say to a person; "" where they say nothing more."""
    match name, detail:
        case "drawer.opened", {"kicked": False}:
            return str(_("without a kick"))
        case "drawer.closed", {"open_s": float() | int() as open_s}:
            return str(_("it was open for %(seconds)d s")) % {"seconds": open_s}
        case "fiscal.memory_forecast", {"full_on": str() as day, "free_records": int() as free}:
            return str(_("on %(day)s; %(free)d records are free")) % {"day": _day(day), "free": free}
        case "paper.forecast", {"left_at_least": int() as left, "counter": "paper_mm"}:
            return str(_("at least %(metres)d m are left")) % {"metres": left // 1000}
        case "paper.forecast", {"left_at_least": int() as left}:
            return str(_("at least %(lines)d lines are left")) % {"lines": left}
        case _:
            note = _NOTES.get(name)
            return note(detail) if note else findings.note(name, detail)


def _gap_note(detail: Mapping[str, object]) -> str:
    """What will never come, and from when to when; how many is not known after a power cut."""
    what = _("figures") if detail.get("class") == "sample" else _("states")
    count = detail.get("count")
    many = f"{count} " if isinstance(count, int) else ""
    return f"{many}{what}, {_minute(str(detail.get('from')))} – {_minute(str(detail.get('to')))}"


def _minute(text: str) -> str:
    try:
        return timezone.localtime(datetime.fromisoformat(text)).strftime("%d.%m.%Y %H:%M")
    except ValueError:
        return text


def _way_note(detail: Mapping[str, object]) -> str:
    """What was dead, and by which way reports go now or for how long it was so."""
    dead = DEAD.get(str(detail.get("dead")), DEAD["unknown"])
    if detail.get("way") == "relay":
        through = str(_("now through %(till)s")) % {"till": detail.get("relay")}
        return f"{dead}; {through}"
    dead_s = detail.get("dead_s")
    minutes = round(dead_s / 60) if isinstance(dead_s, int | float) else 0
    lasted = str(_("for %(minutes)d min")) % {"minutes": max(minutes, 1)}
    return f"{dead}, {lasted}"


_NOTES = {"uplink.way_changed": _way_note, "agent.gap": _gap_note}


def changes(before: Mapping[str, object], now: Mapping[str, object]) -> "list[tuple[Lazy, bool]]":
    """Known flags that differ, with their new value; `busy` and the raw sensor level are noise."""
    names = [name for name in FLAGS if name not in ("busy", "drawer_sensor_high")]
    return [
        (FLAGS[name], bool(now[name]))
        for name in names
        if now.get(name) is not None and now[name] != before.get(name) and (name in before or now[name])
    ]
