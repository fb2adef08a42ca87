"""The list of erasures on its page and at the door of the tills: digests only, and who may."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from collector.backups import door, erasures, reads
from collector.backups.models import Erasure
from collector.backups.store import Store
from collector.core import clock
from collector.inventory.models import Terminal
from protocols.wire.erasure import Erasures, digest_of
from protocols.wire.v1 import PATH_OBJECTS
from tests.collector.web import world
from tests.collector.web.test_restore import a_set

pytestmark = pytest.mark.django_db
NAME = "Ilze Paraudziņa"


@pytest.fixture
def till() -> Terminal:
    made = world.till()
    a_set(made)
    return made


def add(client: Client, till: Terminal, **changes: str) -> tuple[int, str]:
    fields = {
        "what": f"{till.pk}/pos",
        "column": "guests.name",
        "values": NAME,
        "reason": "letter 7",
    } | changes
    answer = client.post("/backups/erasures/add", fields)
    return answer.status_code, answer.content.decode()


def told(till: Terminal) -> Erasures:
    answer = door.answer(
        till,
        "GET",
        f"{PATH_OBJECTS}/erasures",
        b"",
        store=Store(None),
        at=clock.now(),
        lent=lambda _of: {},  # type: ignore[arg-type]
    )
    assert answer.status == 200
    return Erasures.model_validate_json(answer.body)


def test_a_value_is_kept_as_a_digest_and_nowhere_else(till: Terminal) -> None:
    manager = world.signed_in("manager")
    assert add(manager, till, values=f" {NAME} \n\nother\n")[0] == 302
    first, second = Erasure.objects.order_by("id")
    assert first.digest == digest_of(first.salt, NAME)
    assert second.digest == digest_of(second.salt, "other")
    page = manager.get("/backups/erasures/").content.decode()
    assert first.digest[:12] in page
    assert NAME not in page
    assert NAME not in str([list(row.values()) for row in Erasure.objects.values()])
    assert [one.digest for one in told(till).items] == [first.digest, second.digest]


def test_the_form_begins_empty(till: Terminal) -> None:
    page = world.signed_in("manager").get("/backups/erasures/").content.decode()
    [written] = re.findall(r'name="values"[^>]*>([^<]*)</textarea>', page)
    assert written == ""


def test_what_is_withdrawn_comes_back_with_a_restore(till: Terminal) -> None:
    manager = world.signed_in("manager")
    add(manager, till)
    one = Erasure.objects.get()
    for _ in range(2):
        assert manager.post(f"/backups/erasures/{one.pk}/withdraw").status_code == 302
    assert told(till).items == ()
    assert "withdrawn" in manager.get("/backups/erasures/").content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"what": "nobody/pos"}, "Choose a backup"),
        ({"column": "guests"}, "TABLE.COLUMN"),
        ({"column": 'guests.name"; DROP'}, "TABLE.COLUMN"),
        ({"values": " \n "}, "at least one value"),
        ({"reason": " "}, "Say why"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_kept(
    till: Terminal, changes: dict[str, str], said: str
) -> None:
    status, page = add(world.signed_in("manager"), till, **changes)
    assert status == 422
    assert said in page
    assert changes.get("values", NAME).strip() in page, "what was written stays in the form"
    assert not Erasure.objects.exists()


def test_others_see_it_and_change_nothing(till: Terminal) -> None:
    add(world.signed_in("manager"), till)
    one = Erasure.objects.get()
    for role in ("reader", "technician"):
        client = world.signed_in(role)
        assert one.digest[:12] in client.get("/backups/erasures/").content.decode()
        assert add(client, till)[0] == 403
        assert client.post(f"/backups/erasures/{one.pk}/withdraw").status_code == 403
    assert erasures.standing(till.pk) == 1


def test_another_till_hears_of_it_only_with_a_loan(till: Terminal) -> None:
    add(world.signed_in("manager"), till)
    spare = world.till(till.site, "Kase 2")
    path = f"{PATH_OBJECTS}/of/{till.pk}/erasures"
    for lent, status in (({}, 403), ({"d" * 64: "job"}, 200)):
        answer = door.answer(
            spare,
            "GET",
            path,
            b"",
            store=Store(None),
            at=clock.now(),
            lent=lambda _of, lent=lent: lent,  # type: ignore[arg-type,misc]
        )
        assert answer.status == status


def call(client: Client, path: str, body: dict[str, object]) -> tuple[int, Any]:
    answer = client.post(f"/api/v1/backups/erasures{path}", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def test_over_rest_as_on_the_page(till: Terminal) -> None:
    manager, reader = world.signed_in("manager"), world.signed_in("reader")
    wish = {
        "terminal": till.pk,
        "source": "pos",
        "column": "guests.name",
        "values": [NAME],
        "reason": "letter 7",
    }
    status, [made] = call(manager, "", wish)
    assert (status, made["by"][:7], made["withdrawn_at"]) == (201, "manager", None)
    assert NAME not in json.dumps(made)
    assert len(told(till).items) == 1
    assert call(manager, "", wish | {"terminal": "nobody"})[0] == 404
    status, refused = call(manager, "", wish | {"column": "guests"})
    assert (status, refused["code"]) == (409, "backup.erasure_column")
    assert call(reader, "", wish)[0] == 403
    assert call(reader, f"/{made['id']}/withdraw", {})[0] == 403
    listed = reader.get("/api/v1/backups/erasures", {"terminal": till.pk}).json()
    assert (listed["count"], listed["items"][0]["column"]) == (1, "guests.name")
    status, withdrawn = call(manager, f"/{made['id']}/withdraw", {})
    assert (status, withdrawn["withdrawn_by"]) == (200, made["by"])
    assert call(manager, f"/{made['id']}/withdraw", {})[1]["code"] == "backup.no_erasure"
    assert call(manager, "/999999/withdraw", {})[0] == 404
    assert told(till).items == ()


def test_who_read_what_over_rest(till: Terminal) -> None:
    by = reads.Reader("download", person="manager")
    reads.note(till.pk, by, "ab" * 32, 1000, clock.now())
    reads.note(till.pk, by, "ab" * 32, 500, clock.now())
    found = world.signed_in("reader").get("/api/v1/backups/readings", {"terminal": till.pk}).json()
    [one] = found["items"]
    assert (one["way"], one["person"], one["objects_read"], one["bytes_read"]) == (
        "download",
        "manager",
        2,
        1500,
    )
    assert (
        world.signed_in("reader").get("/api/v1/backups/readings", {"terminal": "other"}).json()["count"] == 0
    )
