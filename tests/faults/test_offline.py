"""Thirty days without a line, then all of it at a real collector: the newest state first, the journal whole and in
order, and at a pace that the collector gives."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from agent.spool import Spool
from agent.uplink.sender import Sender
from protocols.wire import v1
from tests.collector.served import Served
from tests.end_to_end.test_carried import Till
from tests.faults.offline import DEVICES, SteppedClock, client_of, fill, now

EVERY = timedelta(minutes=40)


def test_thirty_days_without_a_line(tmp_path: Path) -> None:
    with Served(tmp_path / "collector") as served:
        till = Till(tmp_path / "till", served)
        clock = SteppedClock(now())
        ordered, loose = fill(till.file, clock.at, EVERY)
        receipts: list[v1.Receipt] = []
        with Spool(till.file, clock) as spool:
            client = client_of(till.identity, clock)
            sender = Sender(spool, client, till.identity.terminal, clock, report_s=10, heard=receipts.append)
            while waiting := spool.pending().messages:
                clock.at += timedelta(seconds=1)
                sender.turn()
                assert not sender.failing
                assert spool.pending().messages < waiting, "each report brings something across"
                if len(receipts) == 2:
                    newest_is_there(served, spool)
            client.close()
        check(served, till.file, ordered, loose)
        early = receipts[: len(receipts) // 2]
        assert all(receipt.credit and receipt.next_s for receipt in early), "a long queue is paced"
        assert receipts[-1].credit is None


def newest_is_there(served: Served, spool: Spool) -> None:
    """After the first report of each lane the page is right, while most still waits."""
    assert spool.pending().messages > 1000
    rows = served.rows("SELECT name, reason FROM inventory_device ORDER BY name")
    newest = max(int(reason.split()[1]) for _, reason in rows)
    assert sorted(rows) == sorted((name, f"look {newest}") for name in DEVICES)
    assert newest == timedelta(days=30) // EVERY


def check(served: Served, file: Path, ordered: int, loose: int) -> None:
    lanes = dict(served.rows("SELECT lane, SUM(held) FROM ingest_stream GROUP BY lane"))
    assert lanes == {"ordered": ordered, "loose": loose}
    bodies = served.rows("SELECT body FROM ingest_message WHERE kind = 'event' ORDER BY seq")
    times = [json.loads(body)["at"] for (body,) in bodies]
    assert times == sorted(times)
    with closing(sqlite3.connect(file)) as db:
        [(link,)] = db.execute("SELECT chain FROM lane WHERE name = 'ordered'")
    assert served.rows("SELECT chain FROM ingest_stream WHERE lane = 'ordered'") == [(link.hex(),)]
    reasons = served.rows("SELECT DISTINCT reason FROM inventory_device")
    assert reasons == [(f"look {timedelta(days=30) // EVERY}",)], (
        "older states came later and changed nothing"
    )
