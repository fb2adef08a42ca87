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

pytestmark = pytest.mark.xdist_group("two_workers")
MAILS = 80
PUT = """
INSERT INTO notify_outgoing (key, channel, address, language, subject, text, html, headers, thread, about, facts,
    secret, status, made_at, due_at, tries, claim, doubts, error_code, error, reply)
VALUES (?, 'email', ?, 'en', ?, 'text', '', '{}', '', '', '{}', false, 'waiting', now(), now(), 0, '', 0, '', '', '')
"""
CARELESS = """
import sys
from collector import cli
sys.argv = ["plomba-collector", *sys.argv[1:]]
real = cli._worker
def worker(arguments):
    from collector.notify import claiming
    from collector.notify.models import Outgoing
    def take(pk, worker, now):
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
            'security = "none"\nsender = "plomba@example.lv"\n'
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


def test_each_mail_arrives_once_though_a_worker_is_killed(office: Office) -> None:
    office.put(MAILS)
    victim, _other = office.start(*COMMAND), office.start(*COMMAND)
    until(lambda: len(office.mail.mails) > MAILS / 4, "a quarter of the mails arrived")
    victim.send_signal(signal.SIGKILL)
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
