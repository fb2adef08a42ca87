"""The words for what happens to a till's identity. Decides nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from collector.web.words import UNKNOWN, Sign

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

CHANGES: dict[str, Sign] = {
    "enrolled": Sign("ok", "key", _("Enrolled")),
    "approved": Sign("ok", "check", _("Approved")),
    "rejected": Sign("retired", "x", _("Rejected")),
    "rekey_wanted": Sign("suppressed", "key", _("A new key is wanted")),
    "rekeyed": Sign("ok", "key", _("The till has a new key")),
    "quarantined": Sign("fault", "alert-octagon", _("Two tills with one key: nothing is taken from either")),
    "chosen": Sign("suppressed", "user-check", _("The right till was chosen")),
    "machine_changed": Sign("attention", "device-desktop", _("A part of the computer was changed")),
    "asset_recorded": Sign("contact", "note", _("Asset card written")),
    "device_changed": Sign("attention", "printer", _("Another device is attached")),
}
PARTS: "dict[str, Lazy]" = {
    "disk_serial": _("Disk"),
    "board_serial": _("Board"),
    "machine_id": _("Installation"),
}


def sign(kind: str) -> Sign:
    return CHANGES.get(kind, UNKNOWN)


def note(kind: str, detail: Mapping[str, object]) -> str:
    """What the details say to a person; "" where they say nothing more."""
    match kind:
        case "machine_changed":
            return "; ".join(
                f"{PARTS.get(name, name)}: {part.get('before')} → {part.get('now')}"
                for name, part in detail.items()
                if isinstance(part, Mapping)
            )
        case "quarantined":
            return str(detail.get("sessions", ""))
        case "chosen":
            return str(detail.get("session", ""))
        case "enrolled" if detail.get("key"):
            return str(gettext("number %(number)s") % {"number": detail["key"]})
        case _:
            return ""
