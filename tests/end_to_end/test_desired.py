"""What is written on the page comes to the till: applied, refused, held back by the till's own file, and caught up
after a time without a line. A real collector over TLS and real agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.served import Served
from tests.end_to_end.stage import until
from tests.end_to_end.wished import Person, Till

LONG_S = 90


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
