"""Enrolment trusts one collector, proven by the code, and tells nobody else anything."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.runtime.clock import SystemClock
from agent.uplink import enrol, identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from protocols.errors import CollectorUnreachable, ReportRefused
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

SECRET = "ABCDE-FGHJK"


def go(collector: Collector, code: str, state_dir: Path) -> identity.Identity:
    return enrol.enrol(
        collector.url, enrol.parse_code(code), state_dir, name="Kase 1", version="0", clock=SystemClock()
    ).identity


def test_a_till_enrols_and_its_next_report_is_signed_with_the_key_that_the_collector_has(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    made = go(collector, f"{SECRET}.{authority.fingerprint}", tmp_path / "state")
    assert (made.terminal, made.name, made.customer) == (TERMINAL, "Kase 1", "SIA Maize")
    known = identity.load(tmp_path / "state")
    assert known.terminal == TERMINAL
    assert identity.public_key(known.key) == identity.public_key(made.key)
    assert known.ca_file.read_bytes() == authority.pem
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    assert files == dict.fromkeys(("identity.json", f"{TERMINAL}.key", f"{TERMINAL}.ca.pem"), 0o600)


def test_a_code_from_another_collector_is_refused_before_anything_secret_is_sent(
    collector: Collector, tmp_path: Path
) -> None:
    with pytest.raises(enrol.WrongCollector):
        go(collector, f"{SECRET}.{Authority().fingerprint}", tmp_path)
    assert collector.paths == ["/api/agent/v1/authority"]
    assert not any(SECRET.encode() in body for body in collector.bodies)
    with pytest.raises(identity.NotEnrolled):
        identity.load(tmp_path)


def test_a_man_in_the_middle_with_the_true_authority_and_a_certificate_of_his_own_sees_no_code(
    authority: Authority, tmp_path: Path
) -> None:
    his = Collector(Authority(), tmp_path)
    his.authority = authority
    try:
        with pytest.raises(CollectorUnreachable) as refused:
            go(his, f"{SECRET}.{authority.fingerprint}", tmp_path / "state")
    finally:
        his.close()
    assert refused.value.code == "uplink.certificate"
    assert his.paths == ["/api/agent/v1/authority"]


def test_the_host_name_is_checked_too(authority: Authority, tmp_path: Path) -> None:
    other = Collector(authority, tmp_path, names=("collector.example",))
    try:
        with pytest.raises(CollectorUnreachable) as refused:
            go(other, f"{SECRET}.{authority.fingerprint}", tmp_path / "state")
    finally:
        other.close()
    assert refused.value.code == "uplink.certificate"
    assert other.paths == ["/api/agent/v1/authority"]


def test_reports_go_to_no_server_of_another_authority(collector: Collector, tmp_path: Path) -> None:
    key = identity.make_key(tmp_path)
    client = Client(
        Connection(collector.url, trust_only(Authority().pem.decode())), key, TERMINAL, SystemClock()
    )
    with pytest.raises(CollectorUnreachable) as refused:
        client.report(b"{}")
    client.close()
    assert refused.value.code == "uplink.certificate"
    assert collector.bodies == []


def test_a_wrong_secret_is_the_collectors_to_refuse_and_leaves_no_identity(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(ReportRefused) as refused:
        go(collector, f"AAAAA-AAAAA.{authority.fingerprint}", tmp_path)
    assert refused.value.code == "enrol.code"
    with pytest.raises(identity.NotEnrolled):
        identity.load(tmp_path)


def test_an_enrolment_that_broke_off_goes_on_with_the_same_key(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    before = identity.make_key(tmp_path)
    made = go(collector, f"{SECRET}.{authority.fingerprint}", tmp_path)
    assert identity.public_key(made.key) == identity.public_key(before)


def test_an_identity_is_given_up_only_when_the_new_one_is_there(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    old = identity.Identity("old", collector.url, identity.ca_file(tmp_path, "old"), key)
    identity.save(tmp_path, old, authority.pem)
    with pytest.raises(ReportRefused):
        go(collector, f"AAAAA-AAAAA.{authority.fingerprint}", tmp_path)
    assert identity.load(tmp_path).terminal == "old"
    assert identity.public_key(identity.load(tmp_path).key) == identity.public_key(key)
    made = go(collector, f"{SECRET}.{authority.fingerprint}", tmp_path)
    assert identity.public_key(identity.load(tmp_path).key) == identity.public_key(made.key)
    assert not list(tmp_path.glob("old*"))


def test_a_terminal_id_that_would_be_a_path_is_refused(
    collector: Collector, authority: Authority, tmp_path: Path
) -> None:
    collector.terminal = "../elsewhere"
    with pytest.raises(CollectorUnreachable):
        go(collector, f"{SECRET}.{authority.fingerprint}", tmp_path / "state")
    assert sorted(file.name for file in (tmp_path / "state").iterdir()) == ["enrolling.key"]


@pytest.mark.parametrize(
    "text", ["", "ABCDE-FGHJK", "ABCDE-FGHJK.short", "ABCDE FGHJK.%s1", ".%s", "A.%s.%s"]
)
def test_what_is_no_code_is_said_so(text: str, authority: Authority) -> None:
    with pytest.raises(enrol.WrongCode):
        enrol.parse_code(text.replace("%s", authority.fingerprint))


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: f"  {text}\n"])
def test_a_code_may_be_typed_in_any_case(change: object, authority: Authority) -> None:
    assert callable(change)
    code = enrol.parse_code(change(f"{SECRET}.{authority.fingerprint}"))
    assert code.secret == SECRET


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"terminal": 1}'])
def test_a_damaged_identity_is_no_identity(content: bytes, tmp_path: Path) -> None:
    (tmp_path / identity.IDENTITY_FILE).write_bytes(content)
    with pytest.raises(identity.NotEnrolled):
        identity.load(tmp_path)
