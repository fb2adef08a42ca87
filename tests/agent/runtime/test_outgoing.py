"""Figures that wait in memory: what finds no room there is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.runtime.outgoing import SAMPLES_KEPT, Outgoing
from agent.spool import Spool, SpoolFull
from protocols.wire import v1
from tests.agent.spool.reading import told

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def samples(first: int, many: int) -> list[v1.Sample]:
    return [
        v1.Sample(seq=1, at=AT + timedelta(seconds=i), subject=TILL, values={"mark": float(i)})
        for i in range(first, first + many)
    ]


def test_what_finds_no_room_while_the_disk_takes_nothing_is_told_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as spool:
        outgoing = Outgoing(spool, lambda: None)
        outgoing.later(samples(0, SAMPLES_KEPT))
        with monkeypatch.context() as full:
            full.setattr(spool, "put_all", _full)
            with pytest.raises(SpoolFull):
                outgoing.flush()
            outgoing.later(samples(SAMPLES_KEPT, 30))
            outgoing.later(samples(SAMPLES_KEPT + 30, 5))
        outgoing.flush()
        kept = [message["values"]["mark"] for message in told(spool.path, "sample")]
        assert kept == [float(i) for i in range(35, SAMPLES_KEPT + 35)]
        [gap] = told(spool.path, "fact")
        assert (gap["name"], gap["detail"]["count"]) == ("agent.gap", 35)
        assert (gap["detail"]["from"], gap["detail"]["to"]) == (
            AT.isoformat(), (AT + timedelta(seconds=34)).isoformat(),
        )  # fmt: skip
        outgoing.flush()
        assert len(told(spool.path, "fact")) == 1


def _full(*_: object) -> None:
    raise SpoolFull("the disk is full")
