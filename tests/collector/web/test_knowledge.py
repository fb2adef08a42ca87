"""Reading, playing, writing and publishing articles, by page and by API."""

import json
from pathlib import Path

import pytest
from django.test import Client

from collector.core.models import User
from collector.incidents.models import Incident, Transition
from collector.knowledge.models import Article
from collector.knowledge.shipped import FOLDER
from collector.knowledge.sync import sync
from tests.collector.still import START
from tests.collector.web import world
from tests.collector.web.test_pages import inline_of

pytestmark = pytest.mark.django_db

READ = (
    "/knowledge/",
    "/knowledge/?q=papirs",
    "/knowledge/?show=draft",
    "/knowledge/?show=review",
    "/knowledge/?show=shipped",
    "/knowledge/?kind=tree&code=drawer.stuck",
    "/knowledge/printer-paper-end/",
    "/knowledge/printer-paper-end/?language=ru",
    "/knowledge/printer-paper-end/versions/1/",
    "/knowledge/drawer-does-not-open/",
    "/knowledge/drawer-does-not-open/play",
    "/knowledge/drawer-does-not-open/play?path=0.1.1.1",
)
WRITE = (
    "/knowledge/new",
    "/knowledge/new?kind=tree",
    "/knowledge/printer-paper-end/edit",
    "/knowledge/drawer-does-not-open/edit",
)


@pytest.fixture
def some(tmp_path: Path) -> None:
    """One article and one tree of those that are shipped."""
    for name in ("printer-paper-end.md", "drawer-does-not-open.toml"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    sync(START, tmp_path)


def fields(**more: str) -> dict[str, str]:
    return {
        "audience": "staff",
        "en-title": "The scale shows nothing",
        "en-meaning": "See [paper](article:printer-paper-end).",
        "codes": "device.no_reply",
        "models": "CAS, Mettler",
        "review_due": "2027-01-31",
        "after": "0",
        **more,
    }


def trouble(code: str) -> Incident:
    terminal = world.till()
    times = {"since": world.NOW, "opened_at": world.NOW, "last_seen_at": world.NOW}
    kind = {"severity": "error", "rule": "device", "subject_kind": "device"}
    return Incident.objects.create(terminal=terminal, site=terminal.site, code=code, **kind, **times)


def write(client: Client, **more: str) -> Article:
    answer = client.post("/knowledge/new", fields(**more))
    assert answer.status_code == 302, answer.content.decode()
    return Article.objects.get(slug=answer["Location"].split("/")[2])


@pytest.mark.parametrize("role", ["reader", "technician", "manager"])
@pytest.mark.parametrize("page", [*READ, *WRITE])
@pytest.mark.usefixtures("some")
def test_who_may_open_what(page: str, role: str) -> None:
    answer = world.signed_in(role, language="lv").get(page)
    assert answer.status_code == (403 if page in WRITE and role == "reader" else 200)
    assert inline_of(answer.content.decode()) == []


@pytest.mark.usefixtures("some")
def test_a_customer_sees_no_page_of_it() -> None:
    for page in (*READ, *WRITE):
        assert world.signed_in("customer").get(page).status_code == 403


@pytest.mark.usefixtures("some")
def test_the_article_is_read_with_its_parts_and_links() -> None:
    html = world.signed_in("reader").get("/knowledge/printer-paper-end/").content.decode()
    for words in ("What it means", "What the cashier can do", "What not to do", "plomba-agent probe"):
        assert words in html
    assert "/knowledge/printer-paper-near-end/" not in html, "a link to what is not there is no link"


@pytest.mark.usefixtures("some")
def test_a_tree_is_played_to_its_end_and_written_into_the_incident() -> None:
    incident = trouble("drawer.stuck")
    client = world.signed_in("technician")
    page = f"/knowledge/drawer-does-not-open/play?incident={incident.pk}"
    first = client.get(page).content.decode()
    assert "path=1" in first
    assert f"incident={incident.pk}" in first
    last = client.get(f"{page}&path=0.1.1.1").content.decode()
    assert "Open the drawer with the key" in last
    note = last.split('name="note" value="')[1].split('"')[0]
    client.post(f"/incidents/{incident.pk}/note", {"note": note})
    assert "do you hear a click in it? No, silence." in Transition.objects.get(kind="noted").note


@pytest.mark.usefixtures("some")
def test_the_end_of_a_tree_opens_an_incident_with_what_was_answered() -> None:
    client = world.signed_in("technician")
    html = client.get("/knowledge/drawer-does-not-open/play?path=0.1.1.1").content.decode()
    link = next(part.split('"')[0] for part in html.split('href="') if part.startswith("/incidents/new?"))
    form = client.get(link.replace("&amp;", "&")).content.decode()
    assert "do you hear a click in it? No, silence." in form
    assert 'value="Cash drawer does not open"' in form
    assert '<option value="drawer.stuck" selected>' in form
    reader = (
        world.signed_in("reader").get("/knowledge/drawer-does-not-open/play?path=0.1.1.1").content.decode()
    )
    assert "/incidents/new" not in reader


@pytest.mark.usefixtures("some")
def test_the_incident_page_shows_what_helps() -> None:
    incident = trouble("printer.paper_end")
    html = world.signed_in("technician").get(f"/incidents/{incident.pk}/").content.decode()
    assert "/knowledge/printer-paper-end/" in html


@pytest.mark.usefixtures("some")
def test_a_technician_writes_and_a_manager_publishes() -> None:
    technician, manager = world.signed_in("technician"), world.signed_in("manager")
    article = write(technician, then="publish")
    assert (article.slug, article.state) == ("the-scale-shows-nothing", "draft")
    assert [(link.kind, link.value) for link in article.links.all()] == [
        ("code", "device.no_reply"), ("model", "CAS"), ("model", "Mettler"),
    ]  # fmt: skip
    act = f"/knowledge/{article.slug}/do/publish"
    assert technician.post(act).status_code == 403
    assert manager.post(act).status_code == 302
    assert Article.objects.get(pk=article.pk).state == "published"
    assert "scale" in technician.get("/knowledge/?q=scale").content.decode()


@pytest.mark.usefixtures("some")
def test_the_owner_publishes_too() -> None:
    client = world.signed_in("technician")
    me = User.objects.get(role="technician")
    article = write(client, owner=str(me.pk), then="publish")
    assert article.state == "published"


@pytest.mark.usefixtures("some")
def test_a_new_version_keeps_the_old_one_and_two_writers_do_not_lose_text() -> None:
    client = world.signed_in("manager")
    article = write(client)
    edit = f"/knowledge/{article.slug}/edit"
    assert client.post(edit, fields(**{"en-title": "Better"}, after="1", then="publish")).status_code == 302
    late = client.post(edit, fields(**{"en-title": "Too late"}, after="1"))
    assert late.status_code == 422
    assert "Too late" in late.content.decode()
    assert "The scale shows nothing" in client.get(f"/knowledge/{article.slug}/versions/1/").content.decode()
    assert "Better" in client.get(f"/knowledge/{article.slug}/").content.decode()
    old = client.get(f"/knowledge/{article.slug}/versions/1/").content.decode()
    gone, added = old.index("The scale shows nothing</div>"), old.index("Better</div>")
    assert "is-gone" in old[gone - 90 : gone]
    assert "is-added" in old[added - 90 : added]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"en-title": ""}, "A title is missing."),
        ({"en-meaning": "", "en-never": "", "lv-title": "keep me"}, "nothing to read"),
        ({"codes": "printer.gone"}, "no such fault code"),
        ({"en-meaning": "[x](article:gone)"}, "leads nowhere"),
        ({"en-meaning": "[x](page:gone)"}, "leads nowhere"),
        ({"kind": "tree", "nodes": "{"}, "cannot be played"),
        ({"kind": "tree", "nodes": '{"start": {"ask": {"en": "?"}}}'}, "dead end"),
        ({"slug": "printer-paper-end"}, "of this name already"),
    ],
)
@pytest.mark.usefixtures("some")
def test_what_is_wrong_is_said_and_nothing_is_lost(more: dict[str, str], said: str) -> None:
    answer = world.signed_in("manager").post("/knowledge/new", fields(**{"en-never": "keep me", **more}))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    assert "keep me" in html


@pytest.mark.usefixtures("some")
def test_the_preview_shows_and_stores_nothing() -> None:
    answer = world.signed_in("technician").post(
        "/knowledge/preview", fields(**{"en-never": "**No** <b>html</b>"})
    )
    html = answer.content.decode()
    assert "<strong>No</strong> &lt;b&gt;" in html
    assert Article.objects.count() == 2


@pytest.mark.usefixtures("some")
def test_the_preview_of_a_tree_shows_where_each_answer_leads() -> None:
    nodes = {
        "start": {
            "ask": {"en": "On?"},
            "answers": [{"say": {"en": "Yes"}, "to": "a"}, {"say": {"en": "No"}, "to": "b"}],
        },
        "a": {"do": {"en": "Good"}},
        "b": {"do": {"en": "Switch it on"}},
    }
    client = world.signed_in("technician")
    html = client.post("/knowledge/preview", fields(kind="tree", nodes=json.dumps(nodes))).content.decode()
    assert '<a href="#node-b">b</a>' in html
    assert "Switch it on" in html


@pytest.mark.usefixtures("some")
def test_a_vote_counts_once_per_person() -> None:
    client = world.signed_in("reader")
    for _ in range(2):
        client.post("/knowledge/printer-paper-end/vote", {"useful": "1"})
    assert "Useful to 1 of 1 person" in client.get("/knowledge/printer-paper-end/").content.decode()


@pytest.mark.usefixtures("some")
def test_retired_and_brought_back() -> None:
    client = world.signed_in("manager")
    client.post("/knowledge/printer-paper-end/do/retire")
    assert client.get("/api/v1/knowledge/search?q=paper&language=en").json() == []
    client.post("/knowledge/printer-paper-end/do/revive")
    found = client.get("/api/v1/knowledge/search?q=paper&language=en").json()
    assert found[0]["slug"] == "printer-paper-end"


@pytest.mark.usefixtures("some")
def test_what_people_changed_takes_the_shipped_text_as_a_version() -> None:
    client = world.signed_in("manager")
    Article.objects.filter(slug="printer-paper-end").update(seed_waits=True)
    assert "Take the shipped text" in client.get("/knowledge/printer-paper-end/").content.decode()
    client.post("/knowledge/printer-paper-end/do/shipped")
    article = Article.objects.get(slug="printer-paper-end")
    assert (article.versions.count(), article.seed_waits) == (2, False)


@pytest.mark.usefixtures("some")
def test_the_api_does_what_the_pages_do() -> None:
    client = world.signed_in("manager")

    def send(path: str, body: dict[str, object], method: str = "post") -> dict[str, object]:
        call = getattr(client, method)
        answer = call(f"/api/v1/knowledge{path}", json.dumps(body), content_type="application/json")
        return {"status": answer.status_code, **answer.json()}

    assert send("", {"slug": "scale", "codes": ["device.no_reply"]})["status"] == 201
    assert send("", {"slug": "scale"})["status"] == 409
    version = {"texts": {"en": {"title": "Scale", "parts": {"meaning": "Words"}}}, "after": 0}
    assert send("/scale/versions", version)["number"] == 1
    assert send("/scale/versions", version)["code"] == "knowledge.changed_meanwhile"
    assert send("/scale/versions", {"texts": {}, "after": 1})["code"] == "knowledge.wrong"
    assert send("/scale/publish", {"number": 1})["state"] == "published"
    assert send("/scale", {"review_due": "2027-02-01", "audience": "customers"}, "patch")["codes"] == [
        "device.no_reply"
    ]
    assert send("/scale/vote", {"useful": False})["votes"] == 1
    assert client.get("/api/v1/knowledge/scale/versions/1").json()["texts"]["en"]["title"] == "Scale"
    assert client.get("/api/v1/knowledge?state=published").json()["count"] == 3
    assert client.get("/api/v1/knowledge/drawer-does-not-open/versions/1").json()["nodes"]["start"]["answers"]


@pytest.mark.usefixtures("some")
def test_readers_change_nothing_through_the_api() -> None:
    client = world.signed_in("reader")
    for path, body in (
        ("", {"slug": "x"}),
        ("/printer-paper-end/publish", {"number": 1}),
        ("/printer-paper-end/retire", {}),
    ):
        answer = client.post(f"/api/v1/knowledge{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 403
