"""Drills of databases that need a server to restore into: where one is installed they are proven, in the sandbox, too;
where none is, that is no proof and no failure."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backup.engines import engine
from collector.backups.models import Drill, Trial
from collector.incidents.models import Incident
from tests.collector.backups.drills import DAY, Office, office, rules
from tests.conftest import Postgresql, missing, no_chroot
from tests.contract.living import SOURCES

__all__ = ["office", "rules"]
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("databases")]
NO_SERVER = f"""#!{sys.executable}
import sys
from agent.backup.engines.program import Kit
Kit._folders = lambda _self: iter(())
from agent.cli import main
sys.exit(main())
"""
PG = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def test_postgresql_is_restored_into_a_server_of_the_sandbox(
    office: Office, postgresql: Postgresql, rules: Callable[..., None]
) -> None:
    url = postgresql.create(f"drill_{os.urandom(4).hex()}")
    sql = "CREATE TABLE receipts (id int PRIMARY KEY, total int);"
    sql += " INSERT INTO receipts SELECT i, i * 3 FROM generate_series(1, 400) i"
    subprocess.run([PG[-1] / "psql", "-X", "-q", "-c", sql, url], check=True)
    till = office.till()
    pack = till.pack(till.backup(source=url, by=engine("postgresql")))
    office.drilled()
    drill = Drill.objects.get()
    assert (drill.ok, drill.engine, drill.error) == (True, "postgresql", "")
    assert drill.facts["rows.receipts"] == 400
    assert drill.evidence["compared"] > 2
    if "no network" not in drill.evidence["isolation"]:
        no_chroot()
        missing("a system that gives namespaces (unshare)")
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    office.at += 8 * DAY
    office.drilled()
    assert pack.name[:12] in Drill.objects.get(ok=False).error
    pack.write_bytes(whole)
    Incident.objects.all().delete()
    without_a_server(office, rules)
    assert (Drill.objects.count(), Incident.objects.count()) == (2, 0)


@pytest.mark.parametrize("name", ["mariadb", "firebird", "files"])
def test_every_engine_is_proven_in_the_sandbox(
    office: Office, request: pytest.FixtureRequest, name: str
) -> None:
    root = office.root / "living"
    root.mkdir()
    source = SOURCES[name](root, request).source
    till = office.till()
    till.backup(source=source, by=engine(name))
    office.drilled()
    drill = Drill.objects.get()
    assert (drill.ok, drill.engine, drill.error) == (True, name, "")
    assert drill.evidence["compared"] > 0


def without_a_server(office: Office, rules: Callable[..., None]) -> None:
    """The agent's own program, on a computer where it finds none of PostgreSQL's."""
    program = office.root / "no-server"
    program.write_text(NO_SERVER)
    program.chmod(0o755)
    rules(agent=str(program))
    office.at += 2 * DAY
    office.drilled()
    trial = Trial.objects.get()
    assert (trial.outcome, trial.code) == ("unproven", "backup.no_checker"), trial.reason
    assert "PostgreSQL is not on this computer" in trial.reason
