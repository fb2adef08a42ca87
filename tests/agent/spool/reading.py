"""What lies in a spool, read beside it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def told(path: Path, kind: str) -> list[dict[str, Any]]:
    """All messages of a kind that are here, waiting or stored, in the order in which they were put."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(
            "SELECT 1, seq, body FROM ordered WHERE kind = ? "
            "UNION ALL SELECT epoch, seq, body FROM loose WHERE kind = ?"
            " ORDER BY 1, 2",
            (kind, kind),
        ).fetchall()
    return [json.loads(body) for _, _, body in rows]
