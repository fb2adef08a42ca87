"""People of the desk hear of what concerns them, once, in their language."""

from datetime import timedelta

import pytest

from collector.notify.models import Outgoing
from collector.service import oncall, reminding, telling, visits
from collector.service.change_models import Change, ChangeTask
from collector.service.reminding import EVERY
from collector.service.visits import Plan
from tests.collector.service import office
from tests.collector.service.office import HOUR, NOW

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def letters() -> list[tuple[str, str]]:
    return [(one.address, one.subject) for one in Outgoing.objects.order_by("id")]


def test_every_text_is_there_in_three_languages_with_the_same_holes() -> None:
    for name, texts in telling.TEXTS.items():
        assert set(texts) == {"lv", "en", "ru"}, name
        holes = [sorted(part.split("}")[0] for part in text.split("{")[1:]) for text in texts.values()]
        assert holes[0] == holes[1] == holes[2], name


def test_who_is_asked_for_a_swap_and_who_asked_hear_of_it() -> None:
    asker, asked = office.person(first_name="Jānis"), office.person(language="lv", first_name="Ilze")
    row = office.rota(asker, asked)
    swap = oncall.ask_swap(row, asker, asked, (NOW + DAY, NOW + 2 * DAY), NOW)
    oncall.answer_swap(swap.pk, "decline", asked, NOW)
    assert letters() == [
        (
            asked.email,
            "Jānis lūdz tevi pārņemt dežūru 05.05.2026 12:00 – 06.05.2026 12:00 (Nights). Atbildi Plombā.",
        ),
        (asker.email, "Ilze answered about the duty 05.05.2026 12:00 – 06.05.2026 12:00 (Nights): declined."),
    ]


def test_a_technician_hears_of_a_visit_that_others_planned() -> None:
    boss, worker = office.person("manager"), office.person(language="ru")
    plan = Plan(
        site=office.site(), purpose="голова", starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR, technician=worker
    )
    row = visits.plan(plan, boss, NOW)
    visits.plan(plan, worker, NOW)
    visits.move(row.pk, NOW + 5 * HOUR, NOW + 6 * HOUR, boss, NOW)
    assert [address for address, _ in letters()] == [worker.email, worker.email]
    assert letters()[1][1] == "Тебе запланирован выезд 04.05.2026 17:00: Rīga, Kafejnīca Centrs. голова"


def test_a_task_is_reminded_of_a_day_before_and_told_on_when_it_is_late() -> None:
    worker, boss = office.person(), office.person("manager")
    change = Change.objects.create(kind="normal", category="other", title="Jauna versija", requester=boss,
                                   assignee=worker, created_at=NOW, state="implemented")  # fmt: skip
    task = ChangeTask.objects.create(change=change, kind="eds_submission", due_at=NOW + 2 * DAY)
    told = [reminding.remind(NOW + n * DAY) for n in (0, 1)]
    told.append(reminding.remind(NOW + DAY + EVERY))
    told.append(reminding.remind(NOW + 2 * DAY))
    assert told == [0, 1, 0, 2]
    assert {address for address, _ in letters()[1:]} == {worker.email, boss.email}
    assert "submission in EDS" in letters()[0][1]
    ChangeTask.objects.filter(pk=task.pk).update(done_at=NOW)
    assert reminding.remind(NOW + 3 * DAY) == 0


def test_every_address_of_a_person_is_used_and_none_twice() -> None:
    worker = office.person()
    worker.addresses.create(channel="sms", address="+37120000000", made_at=NOW)
    worker.addresses.create(channel="email", address="other@plomba.example", made_at=NOW)
    worker.addresses.create(channel="webhook", address="https://plomba.example", made_at=NOW)
    words = telling.text_of("visit", "/x", start=NOW, place="p", purpose="q")
    assert [telling.tell(worker, words, NOW, key="k", about="a") for _ in range(2)] == [2, 0]
    assert {address for address, _ in letters()} == {"+37120000000", "other@plomba.example"}
