"""The words of what a till says of its own computer: facts, their fields, and what stands in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from protocols.status.faults import FAULTS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

TITLES: "dict[str, Lazy]" = {
    "host.network": _("Network"),
    "host.services": _("Services"),
    "host.time_sync": _("Clock"),
    "host.reboot": _("Restart"),
    "host.protection": _("Protection"),
    "host.spooler": _("Print queues"),
    "host.disks": _("Disks"),
    "pos.front": _("iiko or Syrve"),
    "pos.front_log": _("Log of iiko or Syrve"),
    "pos.z_reports": _("Z reports"),
    "host.unknown": _("Not known of this computer"),
}
"""In the order in which they are shown."""

_FIELDS: "dict[str, Lazy]" = {
    "line": _("Line"),
    "gateway": _("Router answers"),
    "dns": _("Name server answers"),
    "collector": _("Collector is reached"),
    "pos_server": _("POS server is reached"),
    "main_terminal": _("Main terminal is reached"),
    "synchronised": _("Clock is kept right"),
    "source": _("Time comes from"),
    "pending": _("Restart is pending"),
    "why": _("Asked for by"),
    "firewall": _("Firewall is on"),
    "firewall_is": _("Firewall"),
    "virus_scanner": _("Virus scanner is on"),
    "virus_scanner_is": _("Virus scanner"),
    "stuck": _("Stuck print queue"),
    "installed": _("Installed"),
    "running": _("Running"),
    "brand": _("Product"),
    "account": _("Account"),
    "other_accounts": _("Other accounts with data"),
    "server_url": _("Server"),
    "organisation_id": _("Organisation"),
    "is_main_terminal": _("Is the main terminal"),
    "main_terminal_set": _("Main terminal is set"),
    "time_zone": _("Time zone"),
    "session": _("Shift number"),
    "session_opened": _("Shift opened"),
    "program": _("Program"),
    "plugins": _("Plug-ins"),
    "last_error": _("Last error"),
    "number": _("Last number"),
}
_VALUES: "dict[str, dict[str, Lazy]]" = {
    "host.network": {
        "ok": _("Works"),
        "no_network": _("No network at all"),
        "lan_down": _("The shop's network is down"),
        "line_down": _("The line out of the shop is down"),
        "dns_down": _("Names are not answered"),
        "collector_down": _("Only the collector is not reached"),
        "server_down": _("A server of the cash program is not reached"),
        "unknown": _("Unknown"),
    },
    "host.services": {"running": _("Running"), "down": _("Not running"), "missing": _("Not installed")},
}
_HIDDEN = {("host.network", "reason"), ("pos.front", "folders"), ("pos.z_reports", "recent")}
"""Words of the agent for its own log, and counts that say nothing to a person."""
_BAD = {
    ("pending", True), ("synchronised", False), ("firewall", False), ("virus_scanner", False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One line: `tone` is "attention" where a person should look at it."""

    word: str
    value: str
    tone: str = ""


def said(name: str, detail: Mapping[str, object]) -> list[Said]:
    """What a finding says, fields that have words first and in their order; what it says nothing of is left out."""
    order = {key: place for place, key in enumerate(_FIELDS)}
    fields = sorted(detail.items(), key=lambda field: (order.get(field[0], len(order)), field[0]))
    fields = [(key, value) for key, value in fields if (name, key) not in _HIDDEN]
    return [
        Said(_word(name, key), _value(name, value), _tone(name, key, value))
        for key, value in fields
        if value != ""
    ]


def note(name: str, detail: Mapping[str, object]) -> str:
    """The same in one line, for the timeline."""
    if name not in TITLES:
        return ""
    return "; ".join(f"{one.word}: {one.value}" for one in said(name, detail))


def _word(name: str, key: str) -> str:
    if name == "host.unknown" and key in FAULTS:
        return FAULTS[key].title(get_language() or "en")
    return str(_FIELDS.get(key, key))


def _value(name: str, value: object) -> str:
    if value is None:
        return gettext("unknown")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(_VALUES.get(name, {}).get(str(value), value))


def _tone(name: str, key: str, value: object) -> str:
    wrong = (
        (key, value) in _BAD or (key == "stuck" and value) or (name == "host.services" and value == "down")
    )
    return "attention" if wrong or (key == "line" and value not in ("ok", "unknown")) else ""
