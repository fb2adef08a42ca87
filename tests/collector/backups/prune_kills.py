"""A collector that keeps house over stored backups and is killed, really, before each call that changes its disk or its
database. python -m tests.collector.backups.prune_kills HOME [--careless] prints a JSON line: the steps at which it was
killed, and those after which something was broken. `--careless` is the control: it removes packs before the sets that
need them."""

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import django

MOST = 120
ROUNDS = 3
DAYS = timedelta(days=3)


def main(home: Path, *, careless: bool) -> None:
    os.environ.update(PLOMBA_COLLECTOR_HOME=str(home), DJANGO_SETTINGS_MODULE="collector.settings")
    django.setup()
    world = World(home)
    wanted = world.after_whole_rounds()
    killed, broken = [], []
    for at in range(1, MOST):
        world.put_back()
        ended = world.killed_before(at, careless=careless)
        if ended == 0:
            break
        assert ended == signal.SIGKILL, ended
        killed.append(at)
        if not world.is_whole() or (world.rounds(ROUNDS), world.names())[1] != wanted:
            broken.append(at)
            if careless:
                break
    print(json.dumps({"killed": killed, "broken": broken, "left": len(wanted)}))


class World:
    """Six days of backups, of which the oldest are to go; the folder and the database as they then were."""

    def __init__(self, home: Path) -> None:
        from django.conf import settings  # noqa: PLC0415 - after setup

        from collector.backups import keeping  # noqa: PLC0415
        from collector.backups.store import Store  # noqa: PLC0415
        from tests.collector.backups.test_keeping import Ours  # noqa: PLC0415

        rules = settings.CONFIG.retention.model_copy(
            update={"all_days": 2, "daily_years": 0, "monthly_years": 0, "grace_days": 2}
        )
        settings.CONFIG = settings.CONFIG.model_copy(update={"retention": rules})
        self._home, self._kept = home, home / "kept"
        self._place = Store(home / "store")
        keeping.store = lambda: self._place  # type: ignore[assignment]
        (home / "till").mkdir()
        self._ours = Ours(home / "till", self._place)
        self._ours.till.database.write_bytes(bytes(range(256)) * 200)
        self._ours.days(5)
        self._begins = self._ours.at
        _close()
        self._kept.mkdir()
        shutil.copytree(home / "store", self._kept / "store")
        shutil.copyfile(home / "collector.sqlite3", self._kept / "collector.sqlite3")

    def put_back(self) -> None:
        _close()
        for left in self._home.glob("collector.sqlite3*"):
            left.unlink()
        shutil.rmtree(self._home / "store")
        shutil.copytree(self._kept / "store", self._home / "store")
        shutil.copyfile(self._kept / "collector.sqlite3", self._home / "collector.sqlite3")

    def after_whole_rounds(self) -> list[str]:
        self.rounds(2 * ROUNDS)
        return self.names()

    def rounds(self, count: int, after: int = 0) -> None:
        from collector.backups import keeping  # noqa: PLC0415

        for number in range(after, after + count):
            keeping.keep_house(self._begins + (number + 1) * DAYS)

    def names(self) -> list[str]:
        return sorted(one.name for kind in ("packs", "snapshots") for one in self._stored(kind))

    def is_whole(self) -> bool:
        """Every set that is there restores, and what the database says is there is there."""
        from collector.backups.models import Snapshot  # noqa: PLC0415
        from protocols.errors import PlombaError  # noqa: PLC0415

        try:
            for one in self._stored("snapshots"):
                self._ours.restores(one.name.partition("/")[2])
        except PlombaError:
            return False
        there = {one.name.partition("/")[2] for one in self._stored("snapshots")}
        listed = set(Snapshot.objects.filter(removed_at=None).values_list("digest", flat=True))
        return there <= listed

    def killed_before(self, at: int, *, careless: bool) -> int:
        """The signal that ended the process, 0 where it came to its end."""
        _close()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                _die_before(at)
                if careless:
                    self._packs_first()
                self.rounds(ROUNDS)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(process, 0)
        return status

    def _packs_first(self) -> None:
        from collector.backups.models import Snapshot  # noqa: PLC0415
        from protocols.wire.snapshot import parse  # noqa: PLC0415

        terminal, now = self._ours.row, self._begins + DAYS
        for row in Snapshot.objects.filter(terminal=terminal, removed_at=None).order_by("id")[:2]:
            header = parse(self._place.get(terminal.pk, f"snapshots/{row.digest}")).header
            for pack in header.packs:
                self._place.remove(terminal.pk, f"packs/{pack.digest}")
            self._gone(row.digest, now)

    def _gone(self, digest: str, now: datetime) -> None:
        from collector.backups.models import Snapshot  # noqa: PLC0415

        self._place.remove(self._ours.row.pk, f"snapshots/{digest}")
        Snapshot.objects.filter(digest=digest).update(removed_at=now)

    def _stored(self, kind: str) -> list["Stored"]:  # type: ignore[name-defined]  # noqa: F821
        return list(self._place.list(self._ours.row.pk, kind))


def _die_before(at: int) -> None:
    from django.db.backends.utils import CursorWrapper  # noqa: PLC0415

    steps = itertools.count(1)

    def dying(real: Callable[..., object], *, counts: Callable[..., bool]) -> Callable[..., object]:
        def call(*given: object, **more: object) -> object:
            if counts(*given) and next(steps) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return call

    for name in ("unlink", "fsync"):
        setattr(os, name, dying(getattr(os, name), counts=lambda *_: True))
    CursorWrapper.execute = dying(  # type: ignore[method-assign]
        CursorWrapper.execute, counts=lambda _, sql, *__: str(sql).startswith(("INSERT", "UPDATE", "DELETE"))
    )


def _close() -> None:
    from django.db import connections  # noqa: PLC0415

    connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]), careless="--careless" in sys.argv)
