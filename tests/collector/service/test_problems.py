"""Problems propose themselves from clusters, articles from equal resolutions; people decide."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.incidents.models import Incident
from collector.knowledge.models import Article
from collector.service import clusters, problems
from collector.service.clusters import Case, Solved
from collector.service.problem_models import Candidate, Draft
from collector.service.refusing import ServiceRefused
from tests.collector.service import office
from tests.collector.service.office import NOW

DAY = timedelta(days=1)
CODES, MODELS, FIRMWARES = (
    ["printer.cutter_error", "fiscal.ram_reset"],
    ["FP-700", "fp-700", ""],
    ["1.08", ""],
)


def refused(code: str) -> "pytest.RaisesExc[ServiceRefused]":
    return pytest.raises(ServiceRefused, check=lambda e: e.code == code)


def fail(
    times: int, code: str = "printer.cutter_error", firmware: str = "1.08", **more: object
) -> list[Incident]:
    rows = []
    for n in range(times):
        till = office.till(name=f"Kase {n}")
        rows.append(office.incident(till, code, device=office.device(till, firmware=firmware), **more))
    return rows


@given(
    st.lists(
        st.builds(
            Case,
            incident=st.integers(1, 10**6),
            code=st.sampled_from(CODES),
            model=st.sampled_from(MODELS),
            firmware=st.sampled_from(FIRMWARES),
            device=st.sampled_from("abcd"),
            site=st.integers(1, 3),
            at=st.integers(0, 60).map(lambda n: NOW - n * DAY),
        ),
        unique_by=lambda one: one.incident,
        max_size=40,
    )
)
def test_a_cluster_holds_one_fault_of_one_model_on_several_devices_within_thirty_days(
    cases: list[Case],
) -> None:
    by_id = {one.incident: one for one in cases}
    found = clusters.clusters(cases, NOW)
    for one in found:
        inside = [by_id[pk] for pk in one.incidents]
        assert len({(c.code, c.model.casefold(), c.firmware) for c in inside}) == 1
        assert all(c.model and NOW - c.at <= clusters.WITHIN for c in inside)
        assert len(inside) >= clusters.AT_LEAST
        assert len({c.device for c in inside}) >= clusters.DEVICES
    assert len({one.key for one in found}) == len(found)


@pytest.mark.django_db
def test_three_of_a_kind_propose_a_problem_once_and_newer_ones_join_it() -> None:
    by = office.person()
    fail(3)
    assert problems.find(NOW) == 1
    assert problems.find(NOW + problems.EVERY) == 0
    candidate = Candidate.objects.get()
    assert (candidate.count, candidate.devices, candidate.model) == (3, 3, "FP-700")
    problem = problems.accept(candidate.pk, by, NOW)
    assert problem.incidents.count() == 3
    assert "FP-700" in problem.title
    fail(1)
    problems.find(NOW + 2 * problems.EVERY)
    assert problem.incidents.count() == 4
    with refused("service.state"):
        problems.dismiss(candidate.pk, by, NOW, "late")


@pytest.mark.django_db
def test_what_was_dismissed_comes_back_only_when_it_has_grown_by_half() -> None:
    by = office.person()
    fail(4)
    problems.find(NOW)
    row = Candidate.objects.get()
    with refused("problem.no_note"):
        problems.dismiss(row.pk, by, NOW, " ")
    problems.dismiss(row.pk, by, NOW, "one bad roll of paper")
    fail(1)
    assert problems.find(NOW + problems.EVERY) == 0
    fail(1)
    assert problems.find(NOW + 2 * problems.EVERY) == 1
    row.refresh_from_db()
    assert (row.state, row.count) == ("proposed", 6)


@pytest.mark.django_db
def test_other_firmware_one_device_old_ones_and_effects_make_no_problem() -> None:
    fail(2)
    fail(2, firmware="1.09")
    fail(3, "fiscal.ram_reset", opened_at=NOW - 31 * DAY)
    fail(3, "printer.offline", suppressed_since=NOW)
    till = office.till()
    device = office.device(till)
    for _ in range(3):
        office.incident(till, "printer.head_overheat", device=device, state="closed")
    assert problems.find(NOW) == 0


@pytest.mark.django_db
def test_a_known_error_is_shown_for_its_model_and_firmware_alone() -> None:
    by = office.person()
    row = problems.raised("Cutter", by, NOW, code="printer.cutter_error", model="FP-700", firmware="1.08")
    with refused("problem.no_workaround"):
        problems.known_error(row.pk, True, by, NOW)
    problems.write(
        row.pk, {"root_cause": "spring", "workaround": "turn the wheel", "state": "closed"}, by, NOW
    )
    problems.known_error(row.pk, True, by, NOW)
    fits = [
        ("FP-700", "1.08", 1),
        ("fp-700", "1.08", 1),
        ("FP-700", "1.09", 0),
        ("FP-800", "1.08", 0),
        ("", "", 0),
    ]
    for model, firmware, count in fits:
        assert problems.known_errors("printer.cutter_error", model, firmware).count() == count
    assert problems.known_errors("printer.offline", "FP-700", "1.08").count() == 0
    problems.known_error(row.pk, False, by, NOW)
    assert not problems.known_errors("printer.cutter_error", "FP-700", "1.08")


@pytest.mark.django_db
def test_a_problem_is_resolved_when_it_is_explained() -> None:
    by = office.person()
    row = problems.raised("Cutter", by, NOW)
    problems.act(row.pk, "assign", by, NOW)
    with refused("problem.not_explained"):
        problems.act(row.pk, "resolve", by, NOW)
    problems.write(row.pk, {"root_cause": "spring", "solution": "new spring"}, by, NOW)
    problems.act(row.pk, "resolve", by, NOW)
    problems.act(row.pk, "close", by, NOW)
    with refused("service.state"):
        problems.act(row.pk, "reopen", by, NOW)
    assert [one.kind for one in row.steps.all()] == ["raise", "assign", "write", "resolve", "close"]


TEXT = "Iztīrīju griezēju un nomainīju atsperi"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Nomainīju atsperi un iztīrīju griezēju.", True),
        ("iztīrīju  griezēju un nomainīju atsperi", True),
        ("Nomainīju papīru", False),
    ],
)
def test_notes_that_say_the_same_are_equal(other: str, same: bool) -> None:
    solved = [
        Solved(incident=n, code="printer.cutter_error", model="FP-700", resolution_code="", text=text)
        for n, text in enumerate((TEXT, other, TEXT))
    ]
    assert (len(clusters.equal(solved)) == 1) is same
    assert clusters.equal(solved[:2]) == []


@pytest.mark.django_db
def test_after_three_equal_resolutions_one_article_is_drafted_once() -> None:
    done = {"state": "resolved", "resolved_at": NOW, "resolution": TEXT}
    fail(2, **done)
    fail(3, "printer.offline", state="resolved", resolved_at=NOW, resolution="recovered")
    assert problems.draft_articles(NOW) == 0
    fail(1, **done)
    assert problems.draft_articles(NOW + problems.EVERY) == 1
    fail(1, **done)
    assert problems.draft_articles(NOW + 2 * problems.EVERY) == 0
    draft = Draft.objects.get()
    article = Article.objects.get(slug=draft.slug)
    assert (article.state, len(draft.incident_ids)) == ("draft", 3)
