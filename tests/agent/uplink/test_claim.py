"""Enrolment with a key that a person claims: the word on the page proves the collector, nothing else is believed."""

from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.uplink import enrol, identity
from protocols.errors import ReportRefused
from protocols.wire import claim
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Answer, Collector, problem


def shown(collector: Collector, state_dir: Path) -> enrol.Shown:
    return enrol.Shown(collector.url, state_dir, "Kase 1")


def word_of(authority: Authority, state_dir: Path) -> str:
    """What the page of the collector with this authority shows for the key of this till."""
    key = identity.public_key(identity.make_key(state_dir))
    return claim.word(claim.fingerprint_of(authority.fingerprint), key)


def test_only_the_word_of_this_collector_and_this_key_is_right(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    till = shown(collector, tmp_path)
    right = word_of(authority, tmp_path)
    assert till.proves(right)
    assert till.proves(right.lower().replace("-", " "))
    assert not till.proves(word_of(Authority(), tmp_path)), "somebody stands between"
    assert not till.proves(word_of(authority, tmp_path / "other")), "it is the word of another till"
    assert not till.proves("")
    wrong = [right[:i] + ("A" if right[i] != "A" else "B") + right[i + 1 :] for i in range(11) if i != 5]
    assert not any(map(till.proves, wrong))


def test_before_the_word_nothing_but_the_authority_is_asked_for(collector: Collector, tmp_path: Path) -> None:
    till = shown(collector, tmp_path)
    till.proves("AAAAA-AAAAA")
    assert collector.paths == ["/api/agent/v1/authority"]
    assert collector.bodies == []


def test_the_address_holds_the_public_key_only(collector: Collector, tmp_path: Path) -> None:
    till = shown(collector, tmp_path)
    key = identity.make_key(tmp_path)
    assert till.address == f"{collector.url}/claim/{identity.public_key(key)}?h=Kase%201"
    assert claim.is_key(identity.public_key(key))
    assert till.number == claim.number(identity.public_key(key))


def test_it_enrols_once_it_is_claimed(
    collector: Collector, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = shown(collector, tmp_path)
    assert till.proves(word_of(authority, tmp_path))
    monkeypatch.setattr(collector, "_enrol", lambda _: problem(403, "enrol.not_claimed"))
    with pytest.raises(ReportRefused) as refused:
        till.enrol(tmp_path, name="Kase 1", version="0", clock=SystemClock())
    assert refused.value.code == enrol.NOT_CLAIMED
    place = {"terminal": TERMINAL, "name": "K", "site": "S", "customer": "C", "waits": True}

    def enrolled(request: dict[str, object]) -> Answer:
        assert request["code"] == "claimed"
        return Answer(200, {"version": 1, **place, "server_time": collector.now().isoformat()})

    monkeypatch.setattr(collector, "_enrol", enrolled)
    outcome = till.enrol(tmp_path, name="Kase 1", version="0", clock=SystemClock())
    assert outcome.waits
    assert identity.load(tmp_path).terminal == outcome.identity.terminal == TERMINAL
