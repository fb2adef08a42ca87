"""A collector in the hands of somebody else: whatever it hands out, not one job is done. Each refusal has its code, and
beside each stands the proper job, which is done: so the refusal is no accident."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import JobError
from protocols.status.model import DeviceState
from protocols.wire.job import OFFER_BYTES, SignedJob, SignedOperators, Type
from tests.agent.jobs.till import Workplace
from tests.office import NOW, Office, Person, altered, text_of

Offer = Callable[[Office], bytes]


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def place(tmp_path: Path, office: Office) -> Iterator[Workplace]:
    made = Workplace(tmp_path, office)
    yield made
    made.runner.stop(5)
    made.spool.close()


def good(office: Office) -> SignedJob:
    return office.signed(office.job())


def with_flipped(signed: SignedJob) -> SignedJob:
    first = signed.signatures[0]
    letter = "A" if first.signature[5] != "A" else "B"
    wrong = first.model_copy(update={"signature": first.signature[:5] + letter + first.signature[6:]})
    return signed.model_copy(update={"signatures": (wrong,)})


def swapped(office: Office) -> bytes:
    """Jānis' key under Anna's signature."""
    signed = good(office)
    other = office.signed(signed.text, office.janis).signatures[0]
    forged = signed.signatures[0].model_copy(update={"operator": other.operator})
    return office.offer(signed.model_copy(update={"signatures": (forged,)}))


def parameters(office: Office, **changes: Any) -> bytes:
    return office.offer(office.signed(office.job({"type": "read_state_now", "device": ""} | changes)))


def other_root(office: Office) -> bytes:
    stranger = Ed25519PrivateKey.generate()
    return office.offer(good(office), operators=office.operators(root=stranger))


def other_root_that_says_it_is_ours(office: Office) -> bytes:
    listed = office.operators(root=Ed25519PrivateKey.generate()).model_copy(update={"root": office.root_key})
    return office.offer(good(office), operators=listed)


def list_with_one_more(office: Office) -> bytes:
    """The signature of the true list under a list that has the stranger in it."""
    stranger = Person("Mallory")
    true, longer = office.operators(), office.operators(people=(office.anna, stranger))
    listed = SignedOperators(text=longer.text, root=true.root, signature=true.signature)
    return office.offer(office.signed(office.job(), stranger), operators=listed)


def late(office: Office) -> bytes:
    return office.offer(
        office.signed(office.job(not_before="2026-11-25T11:40:00Z", expires="2026-11-25T12:00:00Z"))
    )


def early(office: Office) -> bytes:
    return office.offer(
        office.signed(office.job(not_before="2026-11-25T12:06:00Z", expires="2026-11-25T12:30:00Z"))
    )


def for_ever(office: Office) -> bytes:
    return office.offer(office.signed(office.job(expires="2027-11-25T12:00:00Z")))


def only(office: Office, *may: Type, **changes: Any) -> bytes:
    anna = Person("Anna", may=may or (Type.READ_STATE_NOW,), key=office.anna.key, **changes)
    return office.offer(good(office), operators=office.operators(people=(anna,)))


UPDATE = {"type": "update", "version": "1.2.3", "sha256": "0" * 64}


def twice_the_same(office: Office) -> bytes:
    """Two keys of one person are one person."""
    again = Person("Anna")
    signed = office.signed(office.job(UPDATE), office.anna, again)
    return office.offer(signed, operators=office.operators(people=(office.anna, again)))


def doubled_key(office: Office) -> bytes:
    """Which `target` counts must not depend on who reads."""
    text = office.job()
    return office.offer(office.signed(text[:-1] + ',"target":"till-1"}'))


HOSTILE: dict[str, tuple[str, Offer]] = {
    "not signed at all": ("job.signatures_missing", lambda o: o.offer(SignedJob(text=o.job()))),
    "signed by a stranger": ("job.unknown_operator", lambda o: o.offer(o.signed(o.job(), Person("Mallory")))),
    "a signature that does not hold": ("job.signature", lambda o: o.offer(with_flipped(good(o)))),
    "another operator's name under it": ("job.signature", swapped),
    "other parameters under the signature": (
        "job.signature",
        lambda o: o.offer(altered(good(o), parameters={"type": "read_state_now", "device": "printer"})),
    ),
    "another type under the signature": (
        "job.signature",
        lambda o: o.offer(altered(good(o), parameters={"type": "self_test"})),
    ),
    "a later end under the signature": (
        "job.signature",
        lambda o: o.offer(altered(good(o), expires="2026-11-25T12:59:00Z")),
    ),
    "a new nonce under the signature": ("job.signature", lambda o: o.offer(altered(good(o), nonce="A" * 22))),
    "no dry run any more": (
        "job.signature",
        lambda o: o.offer(altered(o.signed(o.job(dry_run=True)), dry_run=False)),
    ),
    "our name under another till's job": (
        "job.signature",
        lambda o: o.offer(altered(o.signed(o.job(target="till-2")), target="till-1")),
    ),
    "meant for another till": ("job.wrong_target", lambda o: o.offer(o.signed(o.job(target="till-2")))),
    "expired": ("job.expired", late),
    "of the future": ("job.not_yet", early),
    "valid for a year": ("job.lasts_too_long", for_ever),
    "ends before it begins": (
        "job.lasts_too_long",
        lambda o: o.offer(o.signed(o.job(expires="2026-11-25T11:59:00Z"))),
    ),
    "an unknown type": (
        "job.unknown_type",
        lambda o: o.offer(o.signed(o.job({"type": "run_command", "command": "id"}))),
    ),
    "no type": ("job.unknown_type", lambda o: o.offer(o.signed(o.job({"device": "printer"})))),
    "more parameters than agreed": ("job.parameters", lambda o: parameters(o, command="reboot")),
    "a parameter of a wrong kind": ("job.parameters", lambda o: parameters(o, device=["a"])),
    "words for a shell": ("job.parameters", lambda o: parameters(o, device="printer; reboot")),
    "words for a shell in a service": (
        "job.parameters",
        lambda o: o.offer(o.signed(o.job({"type": "restart_service", "service": "$(reboot)"}))),
    ),
    "an option instead of a service": (
        "job.parameters",
        lambda o: o.offer(o.signed(o.job({"type": "restart_service", "service": "--force"}))),
    ),
    "a path instead of a backup": (
        "job.parameters",
        lambda o: o.offer(o.signed(o.job({"type": "run_backup", "backup": "../../etc/passwd"}))),
    ),
    "a line break in a name": ("job.parameters", lambda o: parameters(o, device="printer\n")),
    "more fields than agreed": ("job.malformed", lambda o: o.offer(o.signed(o.job(run_as="root")))),
    "a version that does not exist": ("job.malformed", lambda o: o.offer(o.signed(o.job(version=2)))),
    "a time that does not exist": (
        "job.malformed",
        lambda o: o.offer(o.signed(o.job(expires="2026-02-31T12:00:00Z"))),
    ),
    "another spelling of the same": (
        "job.malformed",
        lambda o: o.offer(o.signed(json.dumps(json.loads(o.job())))),
    ),
    "one key twice": ("job.malformed", doubled_key),
    "no JSON": ("job.malformed", lambda o: o.offer(o.signed("rm -rf /"))),
    "the list of another root": ("operators.signature", other_root),
    "another root's list under our root's name": ("operators.signature", other_root_that_says_it_is_ours),
    "a list with one more in it": ("operators.signature", list_with_one_more),
    "a list that is no list": (
        "operators.signature",
        lambda o: o.offer(good(o), operators=o.operators().model_copy(update={"text": "[]"})),
    ),
    "a list that has run out": (
        "operators.expired",
        lambda o: o.offer(good(o), operators=o.operators(lasts=timedelta(seconds=30))),
    ),
    "no list": (
        "operators.missing",
        lambda o: b'{"version":1,"jobs":[%s]}' % good(o).model_dump_json().encode(),
    ),
    "who may not sign this": ("job.operator_not_allowed", lambda o: only(o, Type.SELF_TEST)),
    "who is no operator any more": ("job.operator_not_valid", lambda o: only(o, valid_to=NOW)),
    "who is no operator yet": (
        "job.operator_not_valid",
        lambda o: only(o, valid_from=NOW + timedelta(seconds=1)),
    ),
    "one signature where two are needed": (
        "job.signatures_missing",
        lambda o: o.offer(o.signed(o.job(UPDATE))),
    ),
    "one person's signature twice": (
        "job.signatures_missing",
        lambda o: o.offer(o.signed(o.job(UPDATE), o.anna, o.anna)),
    ),
    "two keys of one person": ("job.signatures_missing", twice_the_same),
    "a second signature that does not hold": (
        "job.unknown_operator",
        lambda o: o.offer(o.signed(o.job(UPDATE), o.anna, Person("Mallory"))),
    ),
    "a dry run of what has none": (
        "job.no_dry_run",
        lambda o: o.offer(o.signed(o.job(UPDATE, dry_run=True), o.anna, o.janis)),
    ),
    "signed before this till remembers": (
        "job.before_memory",
        lambda o: o.offer(o.signed(o.job(not_before="2026-11-25T11:59:59Z"))),
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_is_done(place: Workplace, office: Office, what: str) -> None:
    code, offer = HOSTILE[what]
    [result] = place.take(offer(office))
    assert (result.code, result.exit, result.duration_s) == (code, 3, 0)
    assert place.counted.done == place.counted.tried == []


def test_a_proper_job_is_done_once_and_told_once(place: Workplace, office: Office) -> None:
    """The control of everything above."""
    [result] = place.take(office.offer(good(office)))
    assert (result.code, result.exit) == ("", 0)
    assert result.duration_s > 0
    assert len(place.counted.done) == 1


def test_two_people_can_do_what_one_cannot(place: Workplace, office: Office) -> None:
    [result] = place.take(office.offer(office.signed(office.job(UPDATE), office.anna, office.janis)))
    assert (result.code, len(place.counted.done)) == ("", 1)


def test_a_dry_run_does_nothing(place: Workplace, office: Office) -> None:
    [result] = place.take(office.offer(office.signed(office.job(dry_run=True))))
    assert (result.exit, result.dry_run, result.output) == (0, True, "would count")
    assert (len(place.counted.done), len(place.counted.tried)) == (0, 1)


@pytest.mark.parametrize("restarts", [0, 1, 3])
def test_a_job_that_comes_again_is_not_done_again(place: Workplace, office: Office, restarts: int) -> None:
    offer = office.offer(good(office))
    place.take(offer)
    for _ in range(restarts):
        place.again()
    [result] = place.take(offer)
    assert result.code == "job.replayed"
    assert len(place.counted.done) == 1


def test_a_nonce_is_used_once_though_it_is_signed_twice(place: Workplace, office: Office) -> None:
    place.take(office.offer(office.signed(office.job(nonce="N" * 22))))
    place.again()
    [result] = place.take(office.offer(office.signed(office.job(nonce="N" * 22))))
    assert result.code == "job.replayed"
    assert len(place.counted.done) == 1


def test_an_expired_job_does_not_come_back_with_an_old_time(place: Workplace, office: Office) -> None:
    """The till's clock is set back after its job was done and forgotten."""
    offer = office.offer(good(office))
    place.take(offer)
    place.pass_time(timedelta(days=10))
    later = Office(office.terminal, place.clock.wall, office.root, office.anna, office.janis)
    place.take(later.offer(good(later), operators=later.operators(2)))
    assert len(place.counted.done) == 2
    place.clock.wall = NOW
    place.again()
    [result] = place.take(office.offer(good(office), operators=later.operators(2)))
    assert result.code == "job.clock"
    assert len(place.counted.done) == 2


@pytest.mark.parametrize("offset_s", [None, 301.0, -301.0, 1e9])
def test_who_does_not_know_the_time_does_nothing(
    place: Workplace, office: Office, offset_s: float | None
) -> None:
    place.offset_s = offset_s
    [result] = place.take(office.offer(good(office)))
    assert result.code == "job.clock"
    place.offset_s = 299.0
    place.take(office.offer(good(office)))
    assert len(place.counted.done) == 1


def test_a_list_of_operators_does_not_go_back(place: Workplace, office: Office) -> None:
    """Anna was an operator in list 1 and is none in list 2."""
    place.take(
        office.offer(
            office.signed(office.job(), office.janis), operators=office.operators(2, (office.janis,))
        )
    )
    place.again()
    [result] = place.take(office.offer(good(office), operators=office.operators(1)))
    assert result.code == "operators.rolled_back"
    [result] = place.take(office.offer(good(office), operators=office.operators(2)))
    assert result.code == "operators.rolled_back"
    assert len(place.counted.done) == 1
    place.take(office.offer(good(office), operators=office.operators(3)))
    assert len(place.counted.done) == 2


def test_another_root_counts_from_its_own_first_list(place: Workplace, office: Office) -> None:
    place.take(office.offer(good(office), operators=office.operators(9)))
    office.root = Ed25519PrivateKey.generate()
    place.root = office.root_key
    place.again()
    place.take(office.offer(good(office), operators=office.operators(1)))
    assert len(place.counted.done) == 2


def test_a_till_without_a_root_does_nothing(place: Workplace, office: Office) -> None:
    place.root = ""
    place.again()
    [result] = place.take(office.offer(good(office)))
    assert (result.code, result.exit) == ("job.no_root", 3)
    assert place.counted.done == []


RESTART = {"type": "restart_service", "service": "pos"}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DeviceState(receipt_open=True, day_open=True), "job.receipt_open"),
        (DeviceState(receipt_open=None), "job.state_unknown"),
        (None, "job.state_unknown"),
    ],
)
def test_while_a_receipt_may_be_open_the_till_is_left_alone(
    place: Workplace, office: Office, state: DeviceState | None, code: str
) -> None:
    place.devices.states = {"fiscal": state}
    offer = office.offer(office.signed(office.job(RESTART)))
    [result] = place.take(offer)
    assert (result.code, result.exit) == (code, 75)
    place.devices.states = {"fiscal": DeviceState(receipt_open=False, day_open=True)}
    [result] = place.take(offer)
    assert result.code == "job.replayed", "who was told no must not be surprised later"
    assert place.counted.done == []
    place.take(office.offer(office.signed(office.job(RESTART))))
    assert len(place.counted.done) == 1


def test_an_update_waits_for_the_shift_to_be_closed(place: Workplace, office: Office) -> None:
    place.devices.states = {"fiscal": DeviceState(receipt_open=False, day_open=True)}
    [result] = place.take(office.offer(office.signed(office.job(UPDATE), office.anna, office.janis)))
    assert result.code == "job.shift_open"
    place.devices.states = {"fiscal": DeviceState(receipt_open=False, day_open=False)}
    place.take(office.offer(office.signed(office.job(UPDATE), office.anna, office.janis)))
    assert len(place.counted.done) == 1


def test_what_only_reads_is_done_while_a_receipt_is_open(place: Workplace, office: Office) -> None:
    place.devices.states = {"fiscal": DeviceState(receipt_open=True)}
    place.take(office.offer(good(office)))
    assert len(place.counted.done) == 1


def test_a_receipt_printer_has_no_receipt_to_be_open(place: Workplace, office: Office) -> None:
    place.devices.states = {"printer": DeviceState()}
    place.devices.families = {"printer": "escpos"}
    place.take(office.offer(office.signed(office.job(RESTART))))
    assert len(place.counted.done) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", b'{"version":1,"jobs":{}}', b'{"version":2}', b"\xff\xfe", b"[" * 100_000,
        b'{"version":1,"jobs":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"version":1,"jobs":["' + b"x" * OFFER_BYTES + b'"]}',
        b'{"version":1,"jobs":[{"text":"\\ud800","signatures":[]}]}',
        b'{"version":1,"jobs":[{"text":"%s","signatures":[]}]}' % (b"x" * 5000),
    ],
)  # fmt: skip
def test_what_is_no_offer_is_refused_whole(place: Workplace, office: Office, body: bytes) -> None:
    with pytest.raises(JobError) as refused:
        place.runner.take(body)
    assert refused.value.code in ("job.malformed", "job.too_large")
    assert place.results() == []
    place.take(office.offer(good(office)))
    assert len(place.counted.done) == 1


def test_a_flood_of_forgeries_does_not_fill_the_queue(place: Workplace, office: Office) -> None:
    for _ in range(40):
        place.take(office.offer(*[office.signed(office.job(), Person("Mallory")) for _ in range(8)]))
    assert len(place.results()) == 64
    place.take(office.offer(good(office)))
    assert len(place.counted.done) == 1


def test_more_jobs_than_agreed_are_no_offer(place: Workplace, office: Office) -> None:
    body = text_of(json.loads(office.offer()) | {"jobs": [json.loads(good(office).model_dump_json())] * 9})
    with pytest.raises(JobError):
        place.runner.take(body.encode())
