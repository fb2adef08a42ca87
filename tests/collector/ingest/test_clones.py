"""Clones, approval and a new key at a real collector, over the wire."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import Self

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.core import clock
from protocols.wire import rekey, v1
from tests.collector.conftest import Databases
from tests.collector.served import ROOT, Served, Till, fact, until

pytestmark = pytest.mark.xdist_group("clones")
LATE_S = 0.3
_KEEP_S = 2.5
"""After so long the door has read anew what it knows of a terminal."""
CHOOSE = """
import sys, django
django.setup()
from collector.core import clock
from collector.core.models import User
from collector.ingest import clones
from collector.inventory import identity
from collector.inventory.models import Terminal
by, _ = User.objects.get_or_create(username="tester")
terminal = Terminal.objects.get(pk=sys.argv[2])
act = {"choose": lambda: clones.choose(terminal, sys.argv[3], by.pk, clock.now()),
       "approve": lambda: identity.approve(terminal.pk, by.pk, clock.now()),
       "reject": lambda: identity.reject(terminal.pk, by.pk, clock.now()),
       "want": lambda: identity.want_rekey(terminal.pk, by.pk, clock.now())}[sys.argv[1]]
act()
"""
_pause = Event()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, database: Databases) -> Iterator[Served]:
    """A collector that waits for late reports but a moment."""
    tables = f"[identity]\nlate_s = {LATE_S}\nlive_s = 600\n"
    with Served(tmp_path_factory.mktemp("quick"), database.new(), tables=tables) as served:
        yield served


def says(till: Till, session: str, *messages: v1.AnyMessage, host: str = "kase") -> dict[str, object]:
    """The answer to one report of this session."""
    run = v1.Run(hostname=host, boot_at=clock.now() - timedelta(hours=1)).model_dump(mode="json")
    found = till.post(v1.PATH_REPORTS, till.document(*messages, session=session, run=run)).json()
    assert isinstance(found, dict)
    return found


def wait(seconds: float) -> None:
    _pause.wait(seconds)


def cloned(till: Till) -> None:
    """Two live sessions: `one` and `two`."""
    assert "code" not in says(till, "one", fact(1), host="kase-one")
    assert "code" not in says(till, "two", host="kase-two")
    for _ in range(4):
        for session in ("one", "two"):
            wait(LATE_S * 1.3)
            if says(till, session, host=f"kase-{session}").get("code") == "terminal.quarantined":
                return
    raise AssertionError("two sessions spoke in turn, and nobody noticed")


def change_key(till: Till, session: str, key: Ed25519PrivateKey) -> dict[str, object]:
    public_key, proof = rekey.prove(key, till.id)
    body = v1.Rekey(public_key=public_key, proof=proof, session=session).model_dump_json().encode()
    found = till.post(v1.PATH_KEY, body).json()
    assert isinstance(found, dict)
    return found


def test_two_sessions_are_quarantined_and_the_chosen_one_goes_on_with_a_new_key(quick: Served) -> None:
    till = quick.terminal()
    cloned(till)
    for session in ("one", "two"):
        said = says(till, session, fact(2))
        assert (said["code"], said.get("waiting")) == ("terminal.quarantined", None)
    assert till.stored() == [1]
    sql = "SELECT state, reason FROM incidents_incident WHERE terminal_id = ? AND code = 'agent.clone'"
    [(state, reason)] = quick.rows(sql, till.id)
    assert state == "new"
    for part in ("kase-one · 127.0.0.1 · 20", "kase-two · 127.0.0.1 · 20"):
        assert part in reason

    stranger = Ed25519PrivateKey.generate()
    assert change_key(till, "one", stranger)["code"] == "terminal.quarantined"
    quick.python(CHOOSE, "choose", till.id, "one")
    until(lambda: says(till, "one").get("waiting") == ["rekey"], "the chosen one is offered a new key")
    assert says(till, "two").get("waiting") is None
    assert change_key(till, "two", stranger)["code"] == "terminal.quarantined"

    new = Ed25519PrivateKey.generate()
    assert "code" not in change_key(till, "one", new)
    assert says(till, "two")["code"] == "signature.invalid"
    till.key = new
    assert "code" not in change_key(till, "one", new), "asked again with the new key, the answer is the same"
    assert says(till, "one", fact(2))["complete_to"] == 2
    sql = "SELECT cleared_at, resolved_at FROM incidents_incident WHERE terminal_id = ?"
    [(cleared, resolved)] = quick.rows(sql, till.id)
    assert cleared or resolved
    kinds = quick.rows("SELECT kind FROM inventory_identitychange WHERE terminal_id = ? ORDER BY id", till.id)
    assert [kind for (kind,) in kinds] == ["enrolled", "quarantined", "chosen", "rekeyed"]


def test_an_agent_that_is_started_anew_is_none(quick: Served) -> None:
    till = quick.terminal()
    for i in range(6):
        assert says(till, f"run{i}", fact(i + 1))["complete_to"] == i + 1
        wait(LATE_S * 1.3)
    assert quick.rows("SELECT count(*) FROM incidents_incident WHERE terminal_id = ?", till.id) == [(0,)]


def test_a_report_without_a_session_is_taken_as_ever(quick: Served) -> None:
    till = quick.terminal()
    assert till.report(fact(1)).ok
    assert "code" not in says(till, "one", fact(2))
    assert till.report(fact(3)).ok


def test_the_common_case_writes_nothing(quick: Served) -> None:
    till = quick.terminal()
    says(till, "one", fact(1))
    sql = "SELECT name, last_at FROM ingest_session WHERE terminal_id = ?"
    before = quick.rows(sql, till.id)
    wait(LATE_S)
    says(till, "one", fact(2))
    assert quick.rows(sql, till.id) == before


def test_a_key_that_nobody_wished_is_not_taken(quick: Served) -> None:
    till = quick.terminal()
    new = Ed25519PrivateKey.generate()
    assert change_key(till, "one", new)["code"] == "rekey.not_wanted"
    quick.python(CHOOSE, "want", till.id)
    assert says(till, "one", fact(1))["waiting"] == ["rekey"]
    public_key, _ = rekey.prove(new, till.id)
    _, of_another = rekey.prove(Ed25519PrivateKey.generate(), till.id)
    body = v1.Rekey(public_key=public_key, proof=of_another).model_dump_json().encode()
    assert till.post(v1.PATH_KEY, body).json()["code"] == "rekey.malformed"
    assert change_key(till, "one", till.key)["public_key"] == till.public, "its own key changes nothing"
    old, till_key = till.key, change_key(till, "one", new)
    assert till_key["public_key"] == public_key
    till.key = new
    assert "waiting" not in says(till, "one") or not says(till, "one")["waiting"]
    quick.python(CHOOSE, "want", till.id)
    assert change_key(till, "one", old)["code"] == "rekey.key_known", "no key comes back"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"public_key": 1}', b'{"public_key": "\\u0000"}'])
def test_rubbish(quick: Served, body: bytes) -> None:
    till = quick.terminal()
    assert till.post(v1.PATH_KEY, body).json()["code"] == "rekey.malformed"


def test_a_key_that_is_a_year_old_is_wished_anew(quick: Served) -> None:
    till = quick.terminal()
    old = clock.now() - timedelta(days=366)
    quick.rows("UPDATE inventory_terminal SET enrolled_at = ? WHERE id = ?", str(old), till.id)
    assert says(till, "one", fact(1))["waiting"] == ["rekey"]
    new = Ed25519PrivateKey.generate()
    assert "code" not in change_key(till, "one", new)
    till.key = new
    assert says(till, "one", fact(2)).get("waiting", []) == []


def test_who_waits_for_approval_is_refused_and_then_taken(quick: Served) -> None:
    till = quick.terminal()
    quick.rows("UPDATE inventory_terminal SET waits_since = enrolled_at WHERE id = ?", till.id)
    said = says(till, "one", fact(1))
    assert said["code"] == "terminal.waiting"
    assert till.post(v1.PATH_KEY, b"{}").json()["code"] == "terminal.waiting"
    assert till.stored() == []
    quick.python(CHOOSE, "approve", till.id)
    until(lambda: says(till, "one", fact(1)).get("complete_to") == 1, "its report is taken")


def test_a_site_that_asks_for_approval_gets_it(quick: Served) -> None:
    site = {"customer": "SIA Stingrā", "site": "Lielā iela"}
    quick.cli("enrol-code", "--customer", site["customer"], "--site", site["site"], "--json")
    quick.rows("UPDATE inventory_site SET needs_approval = ? WHERE name = ?", True, site["site"])
    code = quick.cli("enrol-code", "--customer", site["customer"], "--site", site["site"]).split(".")[0]
    till = Till(quick)
    assert till.enrol(code).json()["waits"] is True
    assert till.report(fact(1)).json()["code"] == "terminal.waiting"
    quick.python(CHOOSE, "reject", till.id)
    until(lambda: till.report(fact(1)).json()["code"] == "terminal.retired", "it is none of ours")


class Second(Served):
    """One more process of the same collector, at an address of its own."""

    def __init__(self, first: Served) -> None:
        super().__init__(first.home, first.database)
        self._program = [*self._program, "--home", str(first.home), "serve", "--port", str(self.port)]

    def __enter__(self) -> Self:
        with (self.home / "second.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._program, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
            )
        until(self._answers, "the second process answers", 60)
        return self


def test_two_that_keep_to_different_processes_of_the_collector_are_found_too(quick: Served) -> None:
    """Each process sees but one session; what both know is in the database."""
    with Second(quick) as second:
        till = quick.terminal()
        other = Till(second)
        other.key, other.id = till.key, till.id
        says(till, "one", fact(1), host="kase-one")
        codes: list[object] = []
        while "terminal.quarantined" not in codes:
            assert len(codes) < 40, codes
            wait(LATE_S * 1.3)
            codes += [
                says(other, "two", host="kase-two").get("code"),
                says(till, "one", host="kase-one").get("code"),
            ]
        until(lambda: says(till, "one").get("code") == "terminal.quarantined", "one process refuses")
        until(lambda: says(other, "two").get("code") == "terminal.quarantined", "the other one, too")


def test_a_session_that_no_database_would_hold_as_it_came(quick: Served) -> None:
    till = quick.terminal()
    run = {"hostname": "ka\0se\ud800", "boot_at": "2026-11-25T12:00:00Z"}
    body = till.document(fact(1), session="o\0ne", run=run)
    assert till.post(v1.PATH_REPORTS, body).ok
    assert quick.rows("SELECT hostname FROM ingest_session WHERE terminal_id = ?", till.id)[0][0].startswith(
        "ka"
    )
