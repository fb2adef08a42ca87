"""What happens to an identity leaves a line; a part that is not told is no change."""

from datetime import timedelta

import pytest

from collector.core.models import User
from collector.inventory import enrolment, identity
from collector.inventory.models import EnrolCode, Terminal
from protocols.wire import claim, v1
from tests.collector.still import START

pytestmark = pytest.mark.django_db
KEY = "A" * 42 + "E"
CARD = {"maker": "Sam4s", "model": "Titan", "serial": "T-1", "place": "", "note": ""}


@pytest.fixture
def person() -> User:
    return User.objects.create(username="anna", role="technician")


def kinds(terminal: Terminal) -> list[str]:
    return list(terminal.identity_changes.order_by("id").values_list("kind", flat=True))


def machine(disk: str = "", board: str = "", of: str = "") -> v1.Machine:
    return v1.Machine(disk_serial=disk, board_serial=board, machine_id=of)


CASES = {
    "the first word is no change": ([machine("A", "M")], {}),
    "the same again": ([machine("A", "M"), machine("A", "M")], {}),
    "another disk": ([machine("A", "M"), machine("B", "M")], {"disk_serial": {"before": "A", "now": "B"}}),
    "another board": ([machine("A", "M"), machine("A", "N")], {"board_serial": {"before": "M", "now": "N"}}),
    "not told this time, then the same": ([machine("A", "M"), machine("", "M"), machine("A", "M")], {}),
    "not told at first": ([machine("", "M"), machine("A", "M")], {}),
    "another installation": (
        [machine("A", "M", "0" * 32), machine("A", "M", "1" * 32)],
        {"machine_id": {"before": "0" * 32, "now": "1" * 32}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_machine(terminal: Terminal, case: str) -> None:
    told, wanted = CASES[case]
    for one in told:
        identity.record_machine(terminal.pk, one, START)
    changes = terminal.identity_changes.filter(kind="machine_changed")
    assert [change.detail for change in changes] == ([wanted] if wanted else [])


def test_approval(terminal: Terminal, person: User) -> None:
    Terminal.objects.filter(pk=terminal.pk).update(waits_since=START)
    identity.approve(terminal.pk, person.pk, START)
    for again in (identity.approve, identity.reject):
        with pytest.raises(identity.IdentityRefused) as refused:
            again(terminal.pk, person.pk, START)
        assert refused.value.code == "identity.not_waiting"
    assert kinds(terminal) == ["approved"]
    assert terminal.identity_changes.get().by == person


def test_a_new_key_is_wished_once(terminal: Terminal, person: User) -> None:
    assert identity.rekey_waits([terminal.pk], START) == set()
    identity.want_rekey(terminal.pk, person.pk, START)
    identity.want_rekey(terminal.pk, person.pk, START)
    assert identity.rekey_waits([terminal.pk, "other"], START) == {terminal.pk}
    assert kinds(terminal) == ["rekey_wanted"]


def test_a_key_of_a_year_is_old(terminal: Terminal) -> None:
    assert identity.rekey_waits([terminal.pk], START + timedelta(days=364)) == set()
    assert identity.rekey_waits([terminal.pk], START + timedelta(days=366)) == {terminal.pk}


def claimed(person: User, name: str = "Kase 1", key: str = KEY) -> EnrolCode:
    site = enrolment.site_of("SIA A", "Ostas iela")
    return enrolment.claim(key, site, name, START, by=person.pk, asset=CARD)


def enrol(code: str = v1.CLAIMED, key: str = KEY, after: timedelta = timedelta()) -> Terminal:
    request = v1.Enrol(code=code, public_key=key, hostname="kase", os="Linux", agent="0.1.0")
    return enrolment.enrol(request, START + after)


def test_a_claimed_key_enrols_with_its_card_and_its_person(person: User) -> None:
    claimed(person, "wrong name")
    claimed(person)
    terminal = enrol()
    assert (terminal.name, terminal.asset.serial, terminal.asset.recorded_by) == ("Kase 1", "T-1", person)
    change = terminal.identity_changes.get()
    assert (change.kind, change.by, change.detail) == ("enrolled", person, {"key": claim.number(KEY)})
    assert enrol() == terminal, "an answer that was lost may be asked for again"
    with pytest.raises(enrolment.EnrolRefused) as refused:
        claimed(person)
    assert refused.value.code == "enrol.key_known"


def test_what_is_not_claimed_does_not_enrol(person: User) -> None:
    with pytest.raises(enrolment.EnrolRefused) as refused:
        enrol()
    assert refused.value.code == "enrol.not_claimed"
    claimed(person)
    with pytest.raises(enrolment.EnrolRefused) as refused:
        enrol(key="B" * 42 + "E")
    assert refused.value.code == "enrol.not_claimed"
    with pytest.raises(enrolment.EnrolRefused) as refused:
        enrol(after=enrolment.CLAIM_TTL + timedelta(seconds=1))
    assert refused.value.code == "enrol.code_expired"


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "A" * 42 + "!", "A" * 42 + "B"])
def test_what_is_no_key_is_not_claimed(person: User, key: str) -> None:
    """The last differs from a key in bits that mean nothing: a second spelling of one."""
    with pytest.raises(enrolment.EnrolRefused) as refused:
        claimed(person, key=key)
    assert refused.value.code == "enrol.key_malformed"


def test_a_key_is_no_secret_of_a_code_and_a_secret_no_key() -> None:
    assert enrolment.claim_hash(KEY) != enrolment.secret_hash(KEY)
    with pytest.raises(enrolment.EnrolRefused) as refused:
        enrol(code=KEY[:10])
    assert refused.value.code == "enrol.code_invalid"
