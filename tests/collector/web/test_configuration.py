"""Writing what is wished: who may, what is shown before it is saved, what is said of a mistake, and the way back."""

import re
from typing import Any

import pytest
from django.test import Client

from collector.inventory import desired_state
from collector.inventory.models import Terminal
from collector.web.reading import configuration as reading
from protocols.wire import v1
from tests.collector.web import world

pytestmark = pytest.mark.django_db
NEW = "[host]\nsample_s = 30\n"


def address(place: desired_state.Place) -> str:
    return f"/configuration/{desired_state.level_of(place).value}/{place.pk}/"


def check(client: Client, place: desired_state.Place, text: str, base: int = 0) -> str:
    answer = client.post(address(place), {"text": text, "base": base, "check": "1"})
    assert answer.status_code == 200
    return str(re.search(r'name="checked" value="(\w*)"', answer.content.decode())[1])  # type: ignore[index]


def save(
    client: Client, place: desired_state.Place, text: str, base: int = 0, comment: str = "calmer"
) -> int:
    body = {
        "text": text,
        "base": base,
        "comment": comment,
        "checked": check(client, place, text, base),
        "save": "1",
    }
    return client.post(address(place), body).status_code


def told(terminal: Terminal, outcome: str, **more: object) -> None:
    digest = desired_state.DesiredState.objects.get(pk=terminal.pk).digest
    message = v1.Configuration(
        seq=1, at=world.NOW, number=1, digest=digest, outcome=v1.Outcome(outcome), **more
    )
    desired_state.record_told(terminal.pk, message, world.NOW)


LEVELS = ("customer", "site", "terminal")
MAY = {("manager", level) for level in LEVELS} | {("technician", "terminal")}


def place(till: Terminal, level: str) -> desired_state.Place:
    return {"customer": till.site.customer, "site": till.site, "terminal": till}[level]


@pytest.mark.parametrize("role", ["reader", "technician", "manager"])
@pytest.mark.parametrize("level", LEVELS)
def test_all_may_look_and_some_may_write(role: str, level: str) -> None:
    where = place(world.till(), level)
    client = world.signed_in(role)
    page = client.get(address(where)).content.decode()
    may = (role, level) in MAY
    assert ("<textarea" in page) == may
    status = client.post(address(where), {"text": NEW, "base": 0, "check": "1"}).status_code
    assert status == (200 if may else 403)
    assert desired_state.versions(where).count() == 0
    if may:
        assert save(client, where, NEW) == 302
        assert desired_state.versions(where).get().comment == "calmer"


NOWHERE = ("galaxy/1", "site/x", "site/9999", "customer/99999999999999999999", "terminal/none")


@pytest.mark.parametrize("path", NOWHERE)
def test_a_place_that_is_not_there(path: str) -> None:
    assert world.signed_in("manager").get(f"/configuration/{path}/").status_code == 404


def test_nothing_is_saved_that_was_not_shown_before() -> None:
    till = world.till()
    client = world.signed_in("manager")
    seen = check(client, till, NEW)
    body = {"text": NEW + "disk_low_percent = 20\n", "base": 0, "checked": seen, "save": "1"}
    answer = client.post(address(till), body)
    assert answer.status_code == 200
    assert 'data-change="host.disk_low_percent"' in answer.content.decode()
    assert desired_state.versions(till).count() == 0


def test_the_dry_run_groups_tills_with_the_same_changes() -> None:
    site = world.site()
    first, _second, third = (world.till(site, f"Kase {n}") for n in (1, 2, 3))
    client = world.signed_in("manager")
    assert save(client, first, "[host]\nsample_s = 10\n") == 302
    page = client.post(address(site), {"text": NEW, "base": 0, "check": "1"}).content.decode()
    assert "2 tills: Kase 2 (Kafejnīca Centrs), Kase 3 (Kafejnīca Centrs)" in page
    assert "Kase 1 (Kafejnīca Centrs)" not in page
    assert third.pk


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[host", "no valid TOML"),
        ("[host]\nsample_s = 0", "at least 1."),
        ("[hosts]\nsample_s = 5", "Did you mean host?"),
        ('[[backup]]\nname = "pos"\nrecovery_key = "/x"', "decided on the till"),
        ("[[device]]\npoll_s = 5", "a name in every row"),
        ("#" * 40_000, "longer than 16384 bytes"),
    ],
)
def test_a_mistake_is_said_in_words(text: str, said: str) -> None:
    till = world.till()
    answer = world.signed_in("manager").post(address(till), {"text": text, "base": 0, "check": "1"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert 'name="save"' not in answer.content.decode()


def test_every_problem_has_a_sentence_of_its_own_or_the_common_one() -> None:
    for problem in ("syntax", "too_long", "unknown", "type", "enum", "minimum", "maximum", "above", "below", "length",
                    "many", "pattern", "shape_table"):  # fmt: skip
        mistake = reading.desired.Mistake("host.sample_s", problem, "7")
        assert reading.sentence(mistake)


def test_two_people_do_not_write_over_each_other() -> None:
    till = world.till()
    first, second = world.signed_in("manager"), world.signed_in("technician")
    assert save(first, till, NEW) == 302
    assert save(second, till, "[host]\nsample_s = 31\n") == 422
    assert desired_state.versions(till).count() == 1
    assert save(second, till, NEW, base=1) == 422


def test_an_old_version_comes_back_as_a_new_one() -> None:
    till = world.till()
    client = world.signed_in("manager")
    assert save(client, till, NEW) == 302
    assert save(client, till, "", base=1) == 302
    page = client.get(address(till) + "?version=1").content.decode()
    assert "sample_s = 30" in page
    assert "Back to version 1" in page
    assert save(client, till, NEW, base=2) == 302
    assert [v.number for v in desired_state.versions(till)] == [3, 2, 1]
    assert client.get(address(till) + "?version=9").status_code == 404


def test_the_page_says_where_each_value_comes_from() -> None:
    till = world.till()
    client = world.signed_in("manager")
    assert save(client, till.site.customer, "[host]\nsample_s = 20\ndisk_low_percent = 20\n") == 302
    assert save(client, till, NEW) == 302
    page = client.get(address(till)).content.decode()
    rows = dict(re.findall(r'data-setting="([^"]+)">.*?<td>(\w+)</td></tr>', page))
    assert rows == {"host.disk_low_percent": "Customer", "host.sample_s": "Till"}


def test_what_the_till_says_is_shown_on_both_pages() -> None:
    till = world.till()
    client = world.signed_in("reader")
    states = []
    for outcome, more in (
        ("", {}),
        ("applied", {}),
        ("refused", {"key": "device[x].port", "error": "not listed", "code": "config.wall"}),
        (
            "applied",
            {"differs": (v1.Difference(key="host.sample_s", reason="local", local="5", desired="30"),)},
        ),
        ("local", {}),
    ):
        if not states:
            states.append(_state(client, till))
            save(world.signed_in("manager"), till, NEW)
        if outcome:
            told(till, outcome, **more)
        states.append(_state(client, till))
        if outcome == "refused":
            assert "device[x].port" in client.get(f"/terminals/{till.pk}/").content.decode()
    assert states == ["none", "waiting", "applied", "refused", "differs", "local"]


def _state(client: Client, till: Terminal) -> str:
    part = client.get(address(till), headers={"HX-Target": "configuration-state"}).content.decode()
    assert "<html" not in part
    return str(re.search(r'data-state="(\w+)"', part)[1])  # type: ignore[index]


def test_the_timeline_tells_of_it() -> None:
    till = world.till()
    body = {"number": 3, "outcome": "refused", "key": "host.sample_s", "error": "too little"}
    world.message(till, "configuration", world.NOW, body)
    world.message(till, "configuration", world.NOW, {"number": 4, "outcome": "applied"})
    page = world.signed_in("reader").get(f"/terminals/{till.pk}/?show=facts").content.decode()
    assert "Configuration refused" in page
    assert "host.sample_s too little" in page
    assert "version 4" in page


API = "/api/v1/configuration"


def posted(client: Client, path: str, body: dict[str, object]) -> tuple[int, Any]:
    answer = client.post(API + path, body, content_type="application/json")
    return answer.status_code, answer.json()


def test_the_api_does_what_the_page_does() -> None:
    till = world.till()
    client = world.signed_in("manager")
    customer = f"/customer/{till.site.customer.pk}"
    status, effects = posted(client, f"{customer}/preview", {"text": NEW})
    change = {"key": "host.sample_s", "before": None, "after": 30}
    assert (status, effects) == (200, [{"terminal": till.pk, "changes": [change]}])
    status, made = posted(client, customer, {"text": NEW, "base": 0, "comment": "calmer"})
    assert (status, made["number"], made["text"], made["comment"]) == (201, 1, NEW, "calmer")
    told(till, "refused", code="config.wall", key="host.x", error="no")
    found = client.get(f"{API}/terminal/{till.pk}").json()
    assert (found["version"], found["text"]) == (0, "")
    assert found["settings"] == [{"key": "host.sample_s", "value": 30, "level": "customer"}]
    [row] = found["tills"]
    assert (row["state"], row["number"], row["key"]) == ("refused", 1, "host.x")


def test_the_api_refuses_with_a_code() -> None:
    till = world.till()
    manager, technician = world.signed_in("manager"), world.signed_in("technician")
    where = f"/terminal/{till.pk}"
    status, problem = posted(technician, where, {"text": "[host]\nsample_s = 0", "base": 0})
    assert (status, problem["code"]) == (422, "configuration.wrong")
    assert problem["detail"] == "host.sample_s: It must be at least 1."
    assert posted(technician, f"/site/{till.site.pk}", {"text": NEW, "base": 0})[0] == 403
    assert posted(technician, where, {"text": NEW, "base": 0})[0] == 201
    assert posted(manager, where, {"text": "", "base": 0})[1]["code"] == "configuration.changed"
    assert posted(manager, where, {"text": NEW, "base": 1})[1]["code"] == "configuration.same"
    assert posted(manager, "/terminal/nobody", {"text": NEW, "base": 0})[0] == 404
