"""Every page for every role: it opens or refuses, in three languages, without a byte of inline script or
style."""

from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client

from collector.incidents.models import Incident
from tests.collector.web import world

pytestmark = pytest.mark.django_db

PAGES = {
    "/": "reader",
    "/incidents/": "reader",
    "/incidents/?show=all&q=centrs&group=fault&sort=newest&mine=1": "reader",
    "/incidents/{incident}/": "reader",
    "/devices/": "reader",
    "/devices/?q=rīga&standing=fault&sort=-model": "reader",
    "/terminals/{terminal}/": "reader",
    "/terminals/{terminal}/?show=states&show=incidents": "reader",
    "/terminals/{terminal}/samples.json": "reader",
    "/configuration/terminal/{terminal}/": "reader",
    "/backups/": "reader",
    "/backups/?show=unproved": "reader",
    "/terminals/{terminal}/jobs/": "reader",
    "/operators/": "manager",
    "/enrol/": "technician",
    "/claim/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?h=KASE-3": "technician",
    "/people/": "manager",
}
RANK = {"reader": 0, "technician": 1, "manager": 2}


def address(page: str, terminal: str) -> str:
    return page.format(terminal=terminal, incident=Incident.objects.values_list("pk", flat=True).last())


class Inline(HTMLParser):
    """Everything that a strict content security policy would have to forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._script = tag == "script"
        if tag == "style" or "style" in given or (tag == "script" and not given.get("src")):
            self.found.append(tag)
        self.found += [name for name in given if name.startswith(("on", "hx-on"))]
        for name in ("src", "href", "action"):
            if (value := given.get(name) or "").startswith(("http:", "https:", "//", "javascript:")):
                self.found.append(value)

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.found.append(data)


def inline_of(html: str) -> list[str]:
    reader = Inline()
    reader.feed(html)
    return reader.found


@pytest.mark.parametrize("role", RANK)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_for_those_who_may_see_it(page: str, role: str) -> None:
    terminal = world.whole_world()
    answer = world.signed_in(role).get(address(page, terminal.pk))
    assert answer.status_code == (200 if RANK[role] >= RANK[PAGES[page]] else 403)


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_a_page_without_signing_in(page: str) -> None:
    where = address(page, world.whole_world().pk)
    answer = Client().get(where)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in?next=")
    assert Client().get(where, headers={"HX-Request": "true"}).status_code == 401


@pytest.mark.parametrize("language", ["lv", "en", "ru"])
@pytest.mark.parametrize("page", [*(p for p in PAGES if not p.endswith("json")), "/sign-in", "/nowhere"])
def test_no_page_has_inline_script_or_style(page: str, language: str) -> None:
    terminal = world.whole_world()
    client = Client() if page == "/sign-in" else world.signed_in("manager")
    client.cookies["django_language"] = language
    answer = client.get(address(page, terminal.pk))
    html = answer.content.decode()
    assert f'<html lang="{language}"' in html
    assert inline_of(html) == []
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "style-src 'self';" in policy + ";"
    assert "unsafe" not in policy


def test_the_reader_of_pages_sees_inline_script() -> None:
    """The control of the test above."""
    bad = '<p onclick="x()" style="a:b"><script>x()</script><style></style><a href="//x.example">y</a>'
    assert len(inline_of(bad)) == 6


def test_fragments_are_fragments() -> None:
    terminal = world.whole_world()
    client = world.signed_in("technician")
    for page in ("/", "/incidents/", "/devices/", "/backups/", f"/terminals/{terminal.pk}/"):
        part = client.get(page, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert part.lstrip().startswith(("<section", "<div")), page


def test_a_row_of_the_queue_says_what_it_is() -> None:
    found = world.incident(world.till())
    html = world.signed_in("reader").get("/incidents/").content.decode()
    assert f'data-incident="{found.pk}" data-code="printer.paper_end" data-state="new"' in html
    assert "Printer is out of paper" in html


def test_times_are_of_the_shop_with_utc_beside() -> None:
    when = world.NOW.replace(year=2026, month=1, day=9, hour=23, minute=30)
    world.incident(world.till(), since=when)
    html = world.signed_in("reader").get("/incidents/").content.decode()
    assert 'title="09.01.2026 23:30:' in html
    assert ">10.01.2026 01:30</time>" in html


def test_the_till_says_in_words_what_is_wrong() -> None:
    terminal = world.whole_world()
    html = world.signed_in("reader").get(f"/terminals/{terminal.pk}/").content.decode()
    sentence = html[html.index('class="sentence"') :]
    assert "Printer is out of paper</a> since" in sentence[:400]


def test_a_silent_till_shows_no_contact_and_not_its_old_state() -> None:
    terminal = world.till(last_seen_at=world.NOW - timedelta(hours=1))
    world.device(terminal, state={"paper_end": True})
    world.incident(terminal)
    world.incident(terminal, "agent.silent", subject_kind="terminal", subject_id="")
    html = world.signed_in("reader").get("/devices/").content.decode()
    assert 'data-standing="no_contact"' in html
    assert 'data-standing="fault"' not in html


def test_empty_pages_say_what_to_do() -> None:
    manager, reader = world.signed_in("manager"), world.signed_in("reader")
    assert "Enrol the first till" in manager.get("/").content.decode()
    assert "A manager can do this" in reader.get("/").content.decode()
    assert "There has been no incident yet" in reader.get("/incidents/").content.decode()
    assert "No devices yet" in reader.get("/devices/").content.decode()
    world.whole_world()
    assert "No device matches this filter" in reader.get("/devices/?q=zzz").content.decode()
    assert "No incident matches this filter" in reader.get("/incidents/?q=zzz").content.decode()


@pytest.mark.parametrize(
    "nonsense", ["page=-1", "page=9999", "page=x", "site=abc", "sort=;drop", "standing=%00", "q=%25_"]
)
def test_no_list_fails_over_its_address(nonsense: str) -> None:
    world.whole_world()
    client = world.signed_in("reader")
    for page in ("/devices/", "/incidents/", "/backups/"):
        assert client.get(f"{page}?{nonsense}").status_code == (400 if "%00" in nonsense else 200)
