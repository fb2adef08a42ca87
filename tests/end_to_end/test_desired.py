"""What is written on the page comes to the till: applied, refused, held back by the till's own file, and caught up
after a time without a line. A real collector over TLS and real agents."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.served import Served
from tests.end_to_end.stage import until
from tests.end_to_end.wished import Person, Till

LONG_S = 90
pytestmark = pytest.mark.xdist_group("desired")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("wished")) as running:
        yield running


@pytest.fixture(scope="module")
def person(served: Served) -> Person:
    return Person(served)


def test_a_change_on_the_page_is_applied_and_a_bad_one_refused(
    served: Served, person: Person, tmp_path: Path
) -> None:
    with Till(served, tmp_path / "till") as till:
        person.write("terminal", till.id, "[host]\nsample_s = 1\n")
        until(lambda: till.settled("applied", 1), "version 1 is applied", LONG_S)
        until(lambda: samples(served, till) > 3 or None, "figures come every second now", LONG_S)
        assert till.process
        pid = till.process.pid

        text = "[host]\nsample_s = 2\n[[backup]]\nname = 'pos'\nevery = '900d'\n"
        person.write("terminal", till.id, text)
        row = until(lambda: till.settled("refused", 2), "version 2 is refused", LONG_S)
        assert (row["holds"], row["code"], row["key"]) == (1, "config.wall", "backup[pos].every")
        assert till.kept()["good"]["number"] == 1
        page = person.page("terminal", till.id)
        assert 'data-state="refused"' in page
        assert "backup[pos].every" in page

        person.write("terminal", till.id, "[host]\nsample_s = 1\n")
        until(lambda: till.settled("applied", 3), "the old text holds again as version 3", LONG_S)
        assert till.process.alive()
        assert till.process.pid == pid
        assert [(m["number"], m["outcome"]) for m in till.messages()] == [
            (1, "applied"), (2, "refused"), (3, "applied"),
        ]  # fmt: skip
        hellos = served.rows(
            "SELECT count(*) FROM ingest_message WHERE terminal_id = ? AND kind = 'hello'", till.id
        )
        assert hellos == [(2,)], "it began anew once: for what changed"


def samples(served: Served, till: Till) -> int:
    rows = served.rows(
        "SELECT count(*) FROM ingest_message WHERE terminal_id = ? AND kind = 'sample'", till.id
    )
    return int(rows[0][0])


def test_the_tills_own_file_holds_what_it_marks(served: Served, person: Person, tmp_path: Path) -> None:
    with Till(served, tmp_path / "till", marks='local = ["device[kitchen]"]') as till:
        text = '[[device]]\nid = "kitchen"\npoll_s = 3\n[[device]]\nid = "bar"\npoll_s = 3\n[agent]\nlanguage = "ru"\n'
        person.write("terminal", till.id, text)
        row = until(lambda: till.settled("applied", 1), "version 1 is applied", LONG_S)
        assert "device[kitchen].poll_s" in str(row["differs"])
        page = person.page("terminal", till.id)
        assert 'data-state="differs"' in page
        assert "device[bar].poll_s" in page


def test_a_till_without_a_line_catches_up(served: Served, person: Person, tmp_path: Path) -> None:
    till = Till(served, tmp_path / "till")
    site = served.rows("SELECT site_id FROM inventory_terminal WHERE id = ?", till.id)[0][0]
    for seconds in (11, 12, 13):
        person.write("site", site, f"[host]\nsample_s = {seconds}\n")
    with till:
        row = until(lambda: till.settled("applied", 3), "the newest is applied, and only that", LONG_S)
        assert row["answered"]
        assert [m["number"] for m in till.messages()] == [3]
    person.write("site", site, "")
    with till:
        until(lambda: till.settled("applied", 4), "nothing is wished any more", LONG_S)
        assert till.kept()["good"]["tables"] == {}


CRASHES = """
import os, sys
from agent.runtime import configuring
configuring.PAUSE_S = 1.0
from agent.runtime.service import Service
from agent.cli import main
begin = Service._begin
def crash(self, judging):
    if self._config.agent.language == "ru":
        os._exit(9)
    begin(self, judging)
Service._begin = crash
{defence}
sys.exit(main())
"""
NO_DEFENCE = "from agent.config import trial; trial.STARTS = 1_000_000"
RU = '[agent]\nlanguage = "ru"\n[host]\nsample_s = 99\n'


def crashing(defence: str = "") -> list[str]:
    """An agent that this configuration makes crash at its start."""
    return [sys.executable, "-c", CRASHES.format(defence=defence)]


def started_anew(till: Till, times: int) -> None:
    """As a service manager does it, and no more often."""
    assert till.process
    for _ in range(times):
        till.process.wait(LONG_S)
        till.start()


def test_a_version_with_which_the_agent_does_not_start_goes_by_itself(
    served: Served, person: Person, tmp_path: Path
) -> None:
    with Till(served, tmp_path / "till", program=crashing()) as till:
        person.write("terminal", till.id, "[host]\nsample_s = 77\n")
        until(lambda: till.settled("applied", 1), "version 1 is applied", LONG_S)
        person.write("terminal", till.id, RU)
        started_anew(till, 2)
        row = until(lambda: till.settled("refused", 2), "version 2 is refused for good", LONG_S)
        assert (row["holds"], row["code"]) == (1, "config.start_failed")
        assert till.kept()["good"]["tables"] == {"host": {"sample_s": 77}}
        assert "config.start_failed" in person.page("terminal", till.id)


def test_without_the_counter_the_till_would_be_lost(served: Served, person: Person, tmp_path: Path) -> None:
    """The control of the test before this one."""
    with Till(served, tmp_path / "till", program=crashing(NO_DEFENCE)) as till:
        person.write("terminal", till.id, RU)
        started_anew(till, 4)
        assert till.process
        till.process.wait(LONG_S)
        assert till.kept()["trial"]["starts"] == 5


def test_killed_while_it_tries_the_till_comes_back_with_the_last_good_one(
    served: Served, person: Person, tmp_path: Path
) -> None:
    till = Till(served, tmp_path / "till")
    with till:
        person.write("terminal", till.id, "[host]\nsample_s = 77\n")
        until(lambda: till.settled("applied", 1), "version 1 is applied", LONG_S)
        person.write("terminal", till.id, "[host]\nsample_s = 99\n")
        for starts in (1, 2):
            until(
                lambda n=starts: True if starts_of(till) == n else None,
                f"start {starts} of the trial",
                LONG_S,
            )  # type: ignore[misc]
            assert till.process
            till.process.kill()
            till.start()
        row = until(lambda: till.settled("refused", 2), "version 2 is refused for good", LONG_S)
        assert (row["holds"], row["code"]) == (1, "config.start_failed")


STUCK = """
import sys
from agent.runtime import service
stop = service.WatchedRhythm.stop
service.WatchedRhythm.stop = lambda self, within_s: stop(self, within_s) and False
from agent.cli import main
sys.exit(main())
"""


def test_where_something_is_stuck_the_process_ends_and_the_next_one_goes_on(
    served: Served, person: Person, tmp_path: Path
) -> None:
    with Till(served, tmp_path / "till", program=[sys.executable, "-c", STUCK]) as till:
        person.write("terminal", till.id, "[host]\nsample_s = 77\n")
        assert till.process
        assert till.process.wait(LONG_S) == 1
        assert starts_of(till) == 0, "it was not tried yet"
        till.start()
        row = until(lambda: till.settled("applied", 1), "version 1 is applied by another process", LONG_S)
        assert row["holds"] == 1


def starts_of(till: Till) -> int:
    return int(till.kept().get("trial", {}).get("starts", 0))


HOSTILE = {
    "backup[pos].recovery_key": '[[backup]]\nname = "pos"\nrecovery_key = "{home}/mine.pub"\n',
    "backup[pos].repository": '[[backup]]\nname = "pos"\nrepository = "{home}/mine"\n',
    "jobs.company_root": '[jobs]\ncompany_root = "' + "B" * 43 + '"\n',
    "collector.url": '[collector]\nurl = "https://evil.example"\n',
    "agent.state_dir": '[agent]\nstate_dir = "{home}/other"\n',
    "device[bar].port": '[[device]]\nid = "bar"\nfamily = "escpos"\nport = "/dev/ttyS1"\n',
}


def test_who_has_the_collector_gets_nothing_through_the_wall(
    served: Served, person: Person, tmp_path: Path
) -> None:
    """The texts are put straight into the database, past every check of the collector, beside keys that are allowed."""
    with Till(served, tmp_path / "till") as till:
        person.write("terminal", till.id, "[host]\nsample_s = 77\n")
        until(lambda: till.settled("applied", 1), "version 1 is applied", LONG_S)
        before = till.command("check", "--effective")
        for number, (key, text) in enumerate(HOSTILE.items(), 2):
            forged = f"[host]\nsample_s = {number}\n" + text.replace("{home}", str(till.home))
            served.rows("UPDATE inventory_desiredversion SET text = ? WHERE terminal_id = ?", forged, till.id)
            served.rows("UPDATE inventory_desiredstate SET digest = 'news' WHERE terminal_id = ?", till.id)
            row = until(lambda n=number: till.settled("refused", n), f"{key} is refused", LONG_S)  # type: ignore[misc]
            assert (row["holds"], row["code"], row["key"]) == (1, "config.wall", key)
        assert till.kept()["good"]["tables"] == {"host": {"sample_s": 77}}
        assert till.command("check", "--effective") == before
        assert not (till.home / "other").exists()
        hellos = served.rows(
            "SELECT count(*) FROM ingest_message WHERE terminal_id = ? AND kind = 'hello'", till.id
        )
        assert hellos == [(2,)], "it never began anew for one of them"
