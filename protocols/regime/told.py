"""How a till tells of its Z reports: one fact about the computer, which holds the last of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

Z_REPORTS = "pos.z_reports"
RECENT = 14
"""As many as a till of two weeks without a line needs, and as a fact has room for."""
_FORM = "%Y%m%dT%H%M%SZ"


def written(seen: Sequence[datetime], number: int) -> dict[str, bool | int | float | str | None]:
    """Aware times, oldest first."""
    return {"number": number, "recent": " ".join(at.astimezone(UTC).strftime(_FORM) for at in seen[-RECENT:])}


def read(detail: Mapping[str, object]) -> list[datetime]:
    """What cannot be read is left out: a till may be of another version."""
    found = []
    for text in str(detail.get("recent") or "").split():
        try:
            found.append(datetime.strptime(text, _FORM).replace(tzinfo=UTC))
        except ValueError:
            continue
    return found
