"""One-time codes: once, in time, and typed by hand."""

from datetime import timedelta

import pytest

from collector.inventory import enrolment
from collector.inventory.enrolment import EnrolRefused
from collector.inventory.models import EnrolCode, Terminal
from protocols.wire import v1
from tests.collector.still import START

pytestmark = pytest.mark.django_db
KEY, OTHER = "A" * 43, "B" * 42 + "A"


def ask(secret: str, key: str = KEY) -> v1.Enrol:
    return v1.Enrol(code=secret, public_key=key, hostname="kase1", os="Debian 12", agent="0.1")


@pytest.fixture
def secret() -> str:
    site = enrolment.site_of("SIA Zaļā karote", "Kafejnīca Centrs")
    return enrolment.make_code(site, "Kase 1", START, timedelta(hours=1))[1]


def test_a_code_makes_one_terminal(secret: str) -> None:
    terminal = enrolment.enrol(ask(secret), START)
    assert (terminal.name, terminal.site.name, terminal.enrolled_at) == ("Kase 1", "Kafejnīca Centrs", START)
    assert enrolment.enrol(ask(secret), START) == terminal
    with pytest.raises(EnrolRefused) as refused:
        enrolment.enrol(ask(secret, OTHER), START)
    assert refused.value.code == "enrol.code_used"
    assert Terminal.objects.count() == 1


def test_how_a_person_types_it(secret: str) -> None:
    typed = secret.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert enrolment.enrol(ask(typed), START).name == "Kase 1"


def test_only_a_hash_is_kept(secret: str) -> None:
    kept = str(EnrolCode.objects.values().get())
    assert secret not in kept
    assert secret.replace("-", "") not in kept


@pytest.mark.parametrize(
    ("change", "code"), [("late", "enrol.code_expired"), ("wrong", "enrol.code_invalid")]
)
def test_refused(secret: str, change: str, code: str) -> None:
    given = "ZZZZZ-ZZZZZ" if change == "wrong" else secret
    now = START + timedelta(hours=2 if change == "late" else 0)
    with pytest.raises(EnrolRefused) as refused:
        enrolment.enrol(ask(given), now)
    assert refused.value.code == code
    assert not Terminal.objects.exists()


def test_a_key_enrols_once(secret: str) -> None:
    enrolment.enrol(ask(secret), START)
    site = enrolment.site_of("SIA Zaļā karote", "Kafejnīca Centrs")
    second = enrolment.make_code(site, "", START)[1]
    with pytest.raises(EnrolRefused) as refused:
        enrolment.enrol(ask(second), START)
    assert refused.value.code == "enrol.key_known"


def test_sites_are_made_once() -> None:
    assert enrolment.site_of("A", "B") == enrolment.site_of("A", "B") != enrolment.site_of("C", "B")
