"""The catalogue: every shipped type is whole, answers are held to it, and a manager's version stands in."""

import pytest

from collector.core import clock
from collector.core.models import Role
from collector.requests import catalogue
from collector.requests.catalogue import AnswersWrong, CatalogueWrong
from tests.collector.web import world

pytestmark = pytest.mark.django_db

DUTIES = {
    "fault", "question", "training", "registration", "removal", "move", "offsite", "suspension", "authority",
    "data_retrieval", "version_rollout", "contract", "paid_work",
}  # fmt: skip
"""What the duties and promises of the service company need (facts, section 6 and 1.2)."""


def test_what_the_service_promises_can_be_asked_for() -> None:
    assert set(catalogue.types()) >= DUTIES


def test_what_is_paid_is_agreed_to_and_a_deadline_names_its_law() -> None:
    kinds = catalogue.types()
    for key in ("paid_work", "training", "consumables"):
        assert "customer" in {one.by for one in kinds[key].approvals}
    limited = [step for kind in kinds.values() for step in kind.steps if step.within_working_days]
    assert len(limited) >= 3
    assert all(step.legal_basis for step in limited)


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({}, {"what": "missing", "count": "missing"}),
        ({"what": " ", "count": "3"}, {"what": "missing"}),
        ({"what": "papīrs", "count": "trīs"}, {"count": "number"}),
        ({"what": "papīrs", "count": "-3"}, {"count": "number"}),
        ({"what": "papīrs", "count": "²"}, {"count": "number"}),
    ],
)
def test_a_mandatory_field_is_mandatory(answers: dict[str, str], wrong: dict[str, str]) -> None:
    with pytest.raises(AnswersWrong) as refused:
        catalogue.types()["consumables"].check(answers)
    assert refused.value.fields == wrong


def test_only_what_is_asked_for_is_kept() -> None:
    kind = catalogue.types()["fault"]
    assert kind.check({"selling": "no", "seen": "", "admin": "1"}) == {"selling": "no"}
    with pytest.raises(AnswersWrong):
        kind.check({"selling": "maybe"})
    with pytest.raises(AnswersWrong):
        catalogue.types()["move"].check({"address": "x", "on": "2026-02-30"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("urgency = 2", "urgency = 9"), "urgency"),
        (('place = "till"', 'plaze = "till"'), "plaze"),
        (('queue = "technical"', 'queue = "moon"'), "queue"),
        (('name = "seen"', 'name = "selling"'), "same name"),
        (("[[fields]]", "[[fields]"), "TOML"),
    ],
)
def test_a_type_that_cannot_be_used_is_refused_with_the_place(change: tuple[str, str], said: str) -> None:
    text = catalogue.text_of("fault")
    assert change[0] in text
    with pytest.raises(CatalogueWrong, match=said):
        catalogue.parse(text.replace(change[0], change[1], 1))


def test_versions_are_kept_and_nobody_writes_over_another() -> None:
    manager, now = world.person(Role.MANAGER), clock.now()
    text = catalogue.text_of("fault").replace("urgency = 2", "urgency = 1")
    catalogue.save(text, manager, "graver", 0, now)
    assert catalogue.types()["fault"].urgency == 1
    with pytest.raises(CatalogueWrong) as refused:
        catalogue.save(text, manager, "again", 0, now)
    assert refused.value.code == "catalogue.changed"
    catalogue.save(text.replace("urgency = 1", "urgency = 3"), manager, "", 1, now)
    assert [row.number for row in catalogue.versions("fault")] == [2, 1]
    assert catalogue.types()["fault"].urgency == 3
