"""Holds on their page and over REST: who may, what is refused, and that each step names who it was."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector.backups import holds as room
from collector.backups.models import Hold, HoldStep
from collector.core import clock
from collector.incidents.models import OPEN, Incident
from collector.inventory.models import Terminal
from tests.collector.web import world
from tests.collector.web.test_restore import a_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def till() -> Terminal:
    made = world.till()
    a_set(made)
    return made


def post(client: Client, path: str, **fields: str) -> int:
    return client.post(f"/backups/holds/{path}", fields).status_code


def shown(client: Client) -> str:
    return client.get("/backups/holds/").content.decode()


def steps() -> list[tuple[str, str]]:
    return [(step.what, step.reason) for step in HoldStep.objects.order_by("id")]


def test_a_manager_holds_ends_and_takes_the_end_back(till: Terminal) -> None:
    manager = world.signed_in("manager")
    assert post(manager, "begin", what=f"{till.pk}/pos", reason="the tax authority asked, letter 12") == 302
    one = Hold.objects.get()
    assert (one.source, one.why) == ("pos", "legal")
    assert one.by.startswith("manager")
    page = shown(manager)
    assert f'data-hold="{one.pk}"' in page
    assert "letter 12" in page
    assert post(manager, f"{one.pk}/end", reason="the case is closed") == 302
    page = shown(manager)
    assert f'data-hold="{one.pk}"' not in page
    assert f'data-ended="{one.pk}"' in page
    assert post(manager, f"{one.pk}/resume") == 302
    assert f'data-hold="{one.pk}"' in shown(manager)
    asked = "the tax authority asked, letter 12"
    assert steps() == [("begun", asked), ("ended", "the case is closed"), ("resumed", "")]


def test_a_freeze_waits_for_somebody_to_look(till: Terminal) -> None:
    now, manager = clock.now(), world.signed_in("manager")
    one = room.hold(till, "pos", why=room.SUSPICIOUS, reason="all of it changed", by="", now=now)
    room.suspicious(till, "pos", now, "all of it changed")
    incidents = Incident.objects.filter(code="backup.suspicious", state__in=OPEN, cleared_at=None)
    assert incidents.count() == 1
    assert post(manager, f"{one.pk}/frozen") == 422, "it needs a reason"
    assert post(manager, f"{one.pk}/frozen", reason="the files are locked by a stranger") == 302
    assert incidents.count() == 1
    assert post(manager, f"{one.pk}/end", reason="it was a new version") == 302
    assert incidents.count() == 0


def test_others_see_it_and_change_nothing(till: Terminal) -> None:
    one = room.hold(till, "", why=room.LEGAL, reason="asked", by="manager", now=clock.now())
    for role in ("reader", "technician"):
        client = world.signed_in(role)
        page = shown(client)
        assert f'data-hold="{one.pk}"' in page
        assert "<textarea" not in page
        assert post(client, "begin", what=till.pk, reason="asked") == 403
        for name in ("end", "resume", "frozen"):
            assert post(client, f"{one.pk}/{name}", reason="asked") == 403
    assert steps() == [("begun", "asked")]


def test_what_cannot_be_is_told_and_what_was_written_stays(till: Terminal) -> None:
    manager = world.signed_in("manager")
    for fields, said in (
        ({"what": "nobody", "reason": "asked"}, "Choose a till"),
        ({"what": till.pk, "reason": "  "}, "Say why"),
        ({"what": f"{till.pk}/other", "reason": "asked by letter"}, "asked by letter"),
    ):
        answer = manager.post("/backups/holds/begin", fields)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    one = room.hold(till, "", why=room.LEGAL, reason="asked", by="manager", now=clock.now())
    assert post(manager, f"{one.pk}/frozen", reason="asked") == 422, "only a freeze stays frozen"
    assert post(manager, f"{one.pk}/other") == 422
    assert post(manager, f"{one.pk}/end") == 302
    assert post(manager, f"{one.pk}/end") == 422, "it has ended already"


def call(client: Client, path: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
    answer = client.post(f"/api/v1/backups/holds{path}", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def test_over_rest_as_on_the_page(till: Terminal) -> None:
    manager = world.signed_in("manager")
    status, made = call(manager, "", {"terminal": till.pk, "source": "pos", "reason": "letter 12"})
    assert (status, made["why"], made["ended_at"]) == (201, "legal", None)
    assert call(manager, "", {"terminal": "nobody", "reason": "x"})[0] == 404
    status, told = call(manager, "", {"terminal": till.pk, "source": "other", "reason": "x"})
    assert (status, told["code"]) == (409, "backup.no_source")
    status, ended = call(manager, f"/{made['id']}/end", {"reason": "closed"})
    assert (status, [step["what"] for step in ended["steps"]]) == (200, ["begun", "ended"])  # type: ignore[attr-defined]
    assert call(manager, f"/{made['id']}/end", {})[1]["code"] == "backup.no_hold"
    assert call(manager, f"/{made['id']}/frozen", {"reason": "x"})[1]["code"] == "backup.no_hold"
    assert call(manager, f"/{made['id']}/resume", {})[0] == 200
    assert call(manager, "/999999/end", {})[0] == 404
    reader = world.signed_in("reader")
    listed = reader.get("/api/v1/backups/holds", {"terminal": till.pk}).json()
    assert (listed["count"], len(listed["items"][0]["steps"])) == (1, 3)
    assert reader.get("/api/v1/backups/holds", {"show": "ended"}).json()["count"] == 0
    assert call(reader, "", {"terminal": till.pk, "reason": "x"})[0] == 403


def test_the_page_asks_as_often_however_many_there_are(till: Terminal) -> None:
    client = world.signed_in("manager")

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            shown(client)
        return len(seen)

    def more(count: int) -> None:
        for n in range(count):
            one = room.hold(till, "pos", why=room.LEGAL, reason="asked", by="m", now=clock.now())
            if n % 2:
                room.release(one, "m", clock.now())

    more(2)
    few = asked()
    more(12)
    assert asked() == few
