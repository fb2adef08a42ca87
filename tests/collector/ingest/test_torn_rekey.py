"""The collector is ended at each step of a change of a key: it has the old key or the new one, whole, and the agent,
which asks again with either, gets its new key in the end."""

import base64
import sys
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.wire import rekey, v1
from tests.collector.ingest.torn_rekey import KILLED
from tests.collector.served import COMMAND, Served, Till, fact

TORN = [sys.executable, "-m", "tests.collector.ingest.torn_rekey"]
MOST = 12
pytestmark = pytest.mark.timeout(400)


def ask(till: Till, new: Ed25519PrivateKey) -> requests.Response | None:
    """None where the collector ended."""
    public_key, proof = rekey.prove(new, till.id)
    body = v1.Rekey(public_key=public_key, proof=proof, session="one").model_dump_json().encode()
    try:
        return till.post(v1.PATH_KEY, body)
    except requests.RequestException:
        return None


def whole(served: Served, till: Till, new: str) -> bool:
    """Everything of the change is there, or nothing."""
    sql = "SELECT public_key, rekey_wanted_at, key_since, session FROM inventory_terminal WHERE id = ?"
    [(key, wanted, since, session)] = served.rows(sql, till.id)
    noted = served.rows(
        "SELECT count(*) FROM inventory_identitychange WHERE terminal_id = ? AND kind = 'rekeyed'", till.id
    )
    sessions = served.rows("SELECT count(*) FROM ingest_session WHERE terminal_id = ?", till.id)
    before = (till.public, True, False, "two", [(0,)], [(2,)])
    after = (new, False, True, "one", [(1,)], [(1,)])
    return (key, wanted is not None, since is not None, session, noted, sessions) in (before, after)


def torn(served: Served, step: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Till, Ed25519PrivateKey, bool]:
    """A till whose change of the key met the end of the collector at this step; False where it came through."""
    till = served.terminal()
    for session in ("one", "two"):
        assert till.post(v1.PATH_REPORTS, till.document(session=session)).ok
    served.rows("UPDATE inventory_terminal SET rekey_wanted_at = enrolled_at WHERE id = ?", till.id)
    served.kill()
    monkeypatch.setenv("TORN_STEP", str(step))
    served._program = TORN
    served.start()
    new = Ed25519PrivateKey.generate()
    ended = ask(till, new) is None
    assert served._process
    if ended:
        assert served._process.wait(20) == KILLED
    else:
        served.kill()
    served._program = COMMAND
    served.start()
    return till, new, ended


def public(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")


def test_ended_at_any_step_the_change_is_whole_or_not_there(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    for step in range(1, MOST):
        till, new, ended = torn(own, step, monkeypatch)
        assert whole(own, till, public(new)), step
        if not ended:
            break
        [(key,)] = own.rows("SELECT public_key FROM inventory_terminal WHERE id = ?", till.id)
        seen.add(key == till.public)
        old, first = till.key, ask(till, new)
        assert first is not None
        if not first.ok:
            assert first.json()["code"] == "signature.invalid"
            till.key = new
            second = ask(till, new)
            assert second is not None
            assert second.ok
        till.key = new
        assert till.post(v1.PATH_REPORTS, till.document(fact(1), session="one")).ok, step
        till.key = old
        assert till.report(fact(2)).json()["code"] == "signature.invalid"
    else:
        pytest.fail("the change never came to its end")
    assert step > 5, "the steps were not seen"
    assert seen == {True, False}, "no step lay behind the commit"


def test_without_a_transaction_it_would_be_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control, on SQLite."""
    monkeypatch.setenv("TORN_CARELESS", "1")
    with Served(tmp_path / "careless") as served:
        for step in range(1, MOST):
            till, new, ended = torn(served, step, monkeypatch)
            if not whole(served, till, public(new)):
                return
            assert ended, "the control came through, and nothing was torn"
