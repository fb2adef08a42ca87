"""A till that locks its backups for the collector's verify key, too, and the store that they come to. Drills are made
by the agent's own program."""

import argparse
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.engines import Engine, NoPause, engine
from agent.backup.key import RecoveryPublic
from agent.backup.progress import Silent
from agent.backup.run import Job, Signer, backup
from agent.runtime.clock import SystemClock
from collector.backups import drilling_command, drilling_key, keeping
from collector.backups.catalogue import accept
from collector.backups.drilling import Driller
from collector.backups.drilling_key import VerifyKey
from collector.backups.store import Stored
from collector.core import clock
from collector.inventory.models import Customer, Site, Terminal
from protocols.wire.snapshot import PACKS, SNAPSHOTS, encode_key, object_path, parse
from tests.agent.backup.till import SECRET

DAY = timedelta(days=1)
END_S = 60


@dataclass
class Office:
    """`at` is the server's time; a test moves it. `key` is the verify key of this collector."""

    root: Path
    at: datetime = field(default_factory=clock.now)
    tills: list["Ours"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key: VerifyKey = drilling_key.make()
        self.site = Site.objects.create(customer=Customer.objects.create(name="c"), name="s")

    def till(self, name: str = "t", *, locked: bool = True) -> "Ours":
        keys = [SECRET.public, RecoveryPublic(self.key.public)] if locked else [SECRET.public]
        made = Ours(self, name, keys)
        self.tills.append(made)
        return made

    def drilled(self, driller: Driller | None = None) -> None:
        """One look of the schedule, and whatever it begins until it is over."""
        driller = driller or Driller()
        driller(self.at)
        self.finish(driller)

    def finish(self, driller: Driller) -> None:
        pause, end_s = Event(), clock.monotonic() + END_S
        while driller.is_busy:
            assert clock.monotonic() < end_s
            pause.wait(0.02)
            driller(self.at)


class Ours:
    """A till that backs up straight into the store."""

    streams, checks_packs, address = 1, True, "the collector"

    def __init__(self, office: Office, name: str, keys: list[RecoveryPublic]) -> None:
        self.office, self.keys = office, keys
        self.signing = Ed25519PrivateKey.generate()
        public = encode_key(self.signing.public_key())
        self.row = Terminal.objects.create(
            site=office.site, name=name, public_key=public, enrolled_at=office.at
        )
        self.root = office.root / name
        self.root.mkdir()
        self.database = self.root / "pos.db"
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("CREATE TABLE receipts (id INTEGER PRIMARY KEY, total INTEGER)")
            database.executemany("INSERT INTO receipts (total) VALUES (?)", [(n,) for n in range(500)])
            database.commit()

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        accept(self.row, name, bytes(data), self.office.at, keeping.store())

    def get(self, name: str) -> bytes:
        return keeping.store().get(self.row.pk, name)

    def list(self, kind: str) -> Iterator[Stored]:
        yield from keeping.store().list(self.row.pk, kind)

    def backup(self, *, source: str = "", name: str = "pos", by: Engine | None = None) -> str:
        """The digest of the new set, which has come at the office's time."""
        with closing(sqlite3.connect(self.database)) as database:
            database.execute("INSERT INTO receipts (total) VALUES (7)")
            database.commit()
        job = Job(name, by or engine("sqlite"), source or str(self.database), self.keys, self.root / "state")
        signer = Signer(self.row.pk, self.signing)
        return backup(job, self, signer, SystemClock(), pace=NoPause(), progress=Silent()).snapshot  # type: ignore[arg-type]

    def object(self, name: str) -> Path:
        return keeping.store()._folder(self.row.pk) / object_path(name)

    def pack(self, digest: str) -> Path:
        """The newest pack of a set."""
        packs = parse(self.get(f"{SNAPSHOTS}/{digest}")).header.packs
        return self.object(f"{PACKS}/{packs[-1].digest}")


def command(*arguments: str) -> int:
    """The exit code of `plomba-collector ...`; refusals are raised."""
    parser = argparse.ArgumentParser()
    drilling_command.add_parser(parser.add_subparsers())
    given = parser.parse_args(arguments)
    code: int = given.do(given)
    return code


@pytest.fixture
def office(tmp_path: Path, settings: Any) -> Office:
    home = tmp_path / "home"
    home.mkdir()
    settings.CONFIG = settings.CONFIG.model_copy(update={"home": home})
    return Office(tmp_path)


@pytest.fixture
def rules(settings: Any) -> Callable[..., None]:
    def change(**values: object) -> None:
        drills = settings.CONFIG.drills.model_copy(update=values)
        settings.CONFIG = settings.CONFIG.model_copy(update={"drills": drills})

    return change
