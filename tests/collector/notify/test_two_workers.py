"""Two real `plomba-collector worker` processes on one PostgreSQL, and one of them killed in the middle. The control
takes without a claim and sends twice."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.notify.servers import MailServer
from tests.collector.served import COMMAND, ROOT, Served, until
from tests.conftest import Postgresql

pytestmark = [pytest.mark.xdist_group("two_workers"), pytest.mark.timeout(300)]
MAILS = 60
PUT = """
INSERT INTO notify_outgoing (key, channel, address, language, subject, text, html, headers, thread, about, facts,
    secret, status, made_at, due_at, tries, claim, doubts, error_code, error, reply)
VALUES (?, 'email', ?, 'en', ?, 'text', '', '{}', '', '', '{}', false, 'waiting', now(), now(), 0, '', 0, '', '', '')
"""
TELL = """
PEOPLE, FAULTS = 20, 3
import django
django.setup()
from collector.core import clock
from collector.core.models import User
from collector.incidents import apply
from collector.incidents.models import Incident, Kind
from collector.inventory.enrolment import site_of
from collector.notify.models import Address, Wish
now = clock.now()
site = site_of("a", "b")
for n in range(PEOPLE):
    person = User.objects.create(username=f"p{n}", role="technician", language="en")
    address = Address.objects.create(person=person, channel="email", address=f"p{n}@example.com", made_at=now)
    Wish.objects.create(address=address, severity="error")
for n in range(FAULTS):
    till = site.terminals.create(name=f"Kase {n}", public_key=f"k{n}", enrolled_at=now, last_seen_at=now)
    incident = Incident(terminal=till, site=site, subject_kind="device", subject_id="x", code="printer.paper_end",
        severity="error", rule="device", since=now, opened_at=now, last_seen_at=now)
    apply.step(incident, Kind.OPENED, now, now)
"""
CARELESS = """
import sys
from threading import Event
from collector import cli
sys.argv = ["plomba-collector", *sys.argv[1:]]
real = cli._worker
def worker(arguments):
    from collector.notify import claiming
    from collector.notify.models import Outgoing
    def take(pk, worker, now):
        Event().wait(0.1)  # so that the other one has looked, too, before this one is done
        return Outgoing.objects.filter(pk=pk).update(status="claimed", claim=worker, claimed_at=now) == 1
    def mine(pk, worker):
        return Outgoing.objects.filter(pk=pk)
    def begin(pk, worker, now):
        Outgoing.objects.filter(pk=pk).update(status="sending")
        return Outgoing.objects.get(pk=pk)
    claiming._take, claiming._mine, claiming.begin = take, mine, begin
    return real(arguments)
cli._worker = worker
sys.exit(cli.main())
"""


class Office:
    """A home folder, its database, and workers that end with the test."""

    def __init__(self, home: Path, database: str, mail: MailServer) -> None:
        self.home, self.mail = home, mail
        self.collector = Served(home, database)
        home.mkdir()
        self.collector.configure(
            f'database = "{database}"\n[mail]\nhost = "127.0.0.1"\nport = {mail.port}\n'
            'security = "none"\nsender = "plomba@example.lv"\n[notify]\ngroup_s = 0\nmost = 1000\n'
        )
        self.collector.cli("init", "--no-manager")
        self.workers: list[subprocess.Popen[bytes]] = []

    def put(self, mails: int) -> None:
        """As `outbox.put` does, without a process for it."""
        self.mail.forget()
        self.collector.rows("DELETE FROM notify_outgoing")
        for number in range(mails):
            self.collector.rows(PUT, f"m{number}", f"m{number}@example.com", f"m{number}")

    def start(self, *program: str) -> subprocess.Popen[bytes]:
        with (self.home / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [*program, "--home", str(self.home), "worker"], cwd=ROOT, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def count(self, *statuses: str) -> int:
        marks = ", ".join("?" for _ in statuses)
        rows = self.collector.rows(
            f"SELECT count(*) FROM notify_outgoing WHERE status IN ({marks})", *statuses
        )
        return int(rows[0][0])

    def arrivals(self) -> Counter[str]:
        return Counter(str(got.message["Subject"]) for got in list(self.mail.mails))

    def end(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(30)
        self.workers.clear()
        (self.home / "worker.log").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, postgresql: Postgresql) -> Iterator[Office]:
    with MailServer() as mail:
        yield Office(tmp_path_factory.mktemp("two") / "office", postgresql.create("two_workers"), mail)


@pytest.fixture
def office(made: Office) -> Iterator[Office]:
    yield made
    made.end()


def test_two_tell_and_send_once_though_one_is_killed(office: Office) -> None:
    """Twenty people are told of three faults each, whoever of the two read them; then one is killed in the middle."""
    office.put(0)
    victim, _other = office.start(*COMMAND), office.start(*COMMAND)
    until(lambda: (office.home / "worker.log").read_text().count("runs") == 2, "both run")
    office.collector.python(TELL)
    told = "SELECT address_id, incident_id, outgoing_id FROM notify_telling WHERE outgoing_id IS NOT NULL"
    until(lambda: len(office.collector.rows(told)) == 60, "all is told")
    until(lambda: office.count("waiting", "claimed", "sending") == 0, "all is sent")
    rows = office.collector.rows(told)
    assert len({(address, incident) for address, incident, _letter in rows}) == 60
    assert len(office.mail.mails) == len({letter for _address, _incident, letter in rows})
    office.collector.rows("DELETE FROM notify_telling")
    office.put(MAILS)
    until(lambda: len(office.mail.mails) > MAILS / 4, "a quarter of the mails arrived")
    victim.send_signal(signal.SIGKILL)
    _the_other_ends_it(office)


def _the_other_ends_it(office: Office) -> None:
    until(
        lambda: office.count("waiting") == 0 and office.count("claimed", "sending") <= 1, "the rest arrived"
    )
    assert max(office.arrivals().values()) == 1
    office.collector.rows(
        "UPDATE notify_outgoing SET claimed_at = claimed_at - interval '11 minutes' WHERE status <> 'sent'"
    )
    until(lambda: office.count("sent") == MAILS, "what the killed one had is sent as well")
    doubts = dict(office.collector.rows("SELECT subject, doubts FROM notify_outgoing"))
    assert set(office.arrivals()) == set(doubts)
    assert all(times <= 1 + doubts[subject] for subject, times in office.arrivals().items())
    assert sum(doubts.values()) <= 1


def test_control_without_claims_mails_arrive_twice(office: Office) -> None:
    careless = (sys.executable, "-c", CARELESS)
    for worker in (office.start(*careless), office.start(*careless)):
        assert worker.poll() is None
    until(lambda: (office.home / "worker.log").read_text().count("runs") == 2, "both run")
    office.put(MAILS)
    until(lambda: office.count("sent") == MAILS, "all are sent")
    assert max(office.arrivals().values()) > 1
