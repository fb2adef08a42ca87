"""Where an update of the agent itself lies on its way, and how it ended. The agent writes into its own state folder;
the updater, which runs as root, writes into one of its own, where the agent can only read."""

import json
from dataclasses import dataclass
from pathlib import Path

UPDATER = Path("/opt/plomba/lib/plomba-update")
"""Comes with the Debian package. Where it is not there, the agent cannot be updated by a job."""
TOLD = Path("/var/lib/plomba-update/told.json")
FOLDER, ORDER = "update", "order.json"
"""In the state folder. The order is there last, when the package beside it is whole."""
GOOD = "updated"


@dataclass(frozen=True, slots=True)
class Told:
    """`result`: updated; undone: the version before runs again; refused: nothing was changed; stuck: neither was to be
    had."""

    result: str
    reason: str
    wanted: str


def package_in(state_dir: Path, sha256: str) -> Path:
    return state_dir / FOLDER / f"{sha256}.deb"


def order_in(state_dir: Path) -> Path:
    return state_dir / FOLDER / ORDER


def read_told(file: Path | None = None) -> Told | None:
    """How the last update ended; None where there was none, or where that cannot be read."""
    try:
        found = json.loads((file or TOLD).read_bytes())
        return Told(*(str(found[name]) for name in ("result", "reason", "wanted")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
