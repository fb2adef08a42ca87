"""The portal's own pages: sentences about tills, no inline code in any language, files that stay harmless, and what
people type that is nonsense."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation

from collector.inventory.models import ContactPerson, Terminal
from collector.knowledge.models import Article, Audience
from collector.knowledge.texts import Part, Text
from collector.knowledge.writing import add_version, publish, retire
from collector.requests import codes, files
from collector.requests.log import Actor
from collector.requests.models import Request
from collector.requests.voice import say
from collector.web.portal.sentence import sentence_of
from tests.collector.web import tenants, world
from tests.collector.web.test_pages import inline_of

pytestmark = pytest.mark.django_db
SAYS = {
    "ok": {"lv": "Darbojas", "en": "Works", "ru": "Работает"},
    "fault": {"lv": "Printerim beidzies papīrs", "en": "Printer is out of paper", "ru": "В принтере"},
    "silent": {"lv": "Nav dzirdama", "en": "Is not heard", "ru": "Не слышна"},
    "line": {"lv": "Veikala līnija nedarbojas", "en": "The line of the shop is down", "ru": "Линия магазина"},
    "new": {"lv": "Ir uzstādīta", "en": "Is set up", "ru": "Установлена"},
    "maintenance": {"lv": "Pie tās pašlaik strādā", "en": "Is being worked on", "ru": "С ней сейчас работают"},
}  # fmt: skip


def signed_in(person: ContactPerson, language: str = "en") -> Client:
    client = Client(headers={"Accept-Language": language})
    client.force_login(codes.account_of(person))
    return client


def anna(till: Terminal, **more: object) -> ContactPerson:
    return ContactPerson.objects.create(
        customer=till.site.customer, name="Anna", email="anna@karote.lv", **more
    )


@pytest.mark.parametrize("language", ["lv", "en", "ru"])
@pytest.mark.parametrize("how", SAYS)
def test_a_till_in_one_plain_sentence(how: str, language: str) -> None:
    till = world.till(last_seen_at=None if how == "new" else world.NOW)
    fault = world.incident(till) if how == "fault" else None
    line = world.incident(till, "site.offline", severity="critical", subject_id="") if how == "line" else None
    standing = {"silent": "no_contact", "line": "no_contact"}.get(how, how)
    with translation.override(language):
        said = sentence_of(till, standing, [one for one in (fault, line) if one])
    assert said.text.startswith(SAYS[how][language])
    assert said.text.endswith(".")
    assert said.text.count(".") <= 2 + len(re.findall(r"\d\.", said.text))


def test_the_gravest_fault_is_told_and_one_that_is_gone_is_not() -> None:
    till = world.till()
    small = world.incident(till, "printer.paper_near_end", severity="warning")
    grave = world.incident(till, "fiscal.memory_full", severity="critical")
    gone = world.incident(till, "printer.cover_open", severity="critical", cleared_at=world.NOW)
    with translation.override("en"):
        assert sentence_of(till, "fault", [small, gone, grave]).text.startswith("Fiscal memory is full")


def test_what_the_shop_can_do_and_who_works_on_it_is_said() -> None:
    till = world.till()
    fault = world.incident(till, assignee=world.person("technician"))
    with translation.override("en"):
        said = sentence_of(till, "fault", [fault])
    assert (said.advice[:14], said.promise) == ("Put in a new r", "Somebody works on it.")


@pytest.mark.parametrize("language", ["lv", "en", "ru"])
def test_no_page_of_the_portal_has_inline_code(language: str) -> None:
    found = tenants.tenant("ALNIS")
    client = signed_in(found.contact, language)
    client.cookies["django_language"] = language
    for where in (
        "", "requests/", f"requests/{found.request.pk}/", "ask/", "ask/fault/", "ask/training/", "backups/", "visits/",
        f"tills/{found.tills[0].pk}/", "notices/", f"notices/{found.notice}/",
    ):  # fmt: skip
        answer = client.get(f"/portal/{where}")
        html = answer.content.decode()
        assert answer.status_code == 200, where
        assert f'<html lang="{language}"' in html
        assert inline_of(html) == [], where
    assert inline_of(Client().get("/portal/sign-in").content.decode()) == []


def test_a_list_of_tills_asks_the_same_number_of_questions_however_long_it_is(
    django_assert_max_num_queries: object,
) -> None:
    till = world.till()
    client = signed_in(anna(till))
    counts = []
    for many in (1, 12):
        for n in range(many):
            world.incident(world.till(till.site, f"Kase {many}-{n}"))
        with django_assert_max_num_queries(100) as seen:  # type: ignore[operator]
            assert client.get("/portal/").status_code == 200
        counts.append(len(seen.captured_queries))
    assert counts[0] == counts[1]


def test_a_file_is_served_without_power() -> None:
    """A page that calls itself a picture is a download, in a sandbox."""
    found = tenants.tenant("ALNIS")
    evil = files.File("bilde.png", b"<html><script>alert(1)</script>")
    say(found.request.pk, Actor(contact=found.contact), "skat.", world.NOW, attached=[evil])
    attached = Request.objects.get(pk=found.request.pk).entries.latest("id").attachments.get()
    for where, client in (
        (f"/portal/files/{attached.pk}", signed_in(found.contact)),
        (f"/requests/files/{attached.pk}", world.signed_in("reader")),
    ):
        answer = client.get(where)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_note_of_the_staff_and_its_file_are_not_the_customers() -> None:
    from collector.requests import acts  # noqa: PLC0415 - of this test alone

    found = tenants.tenant("ALNIS")
    by = world.person("technician")
    acts.say(
        found.request.pk, by, "slepeni", world.NOW, public=False, attached=[files.File("n.txt", b"slepeni")]
    )
    note = Request.objects.get(pk=found.request.pk).entries.latest("id")
    client = signed_in(found.contact)
    assert "slepeni" not in client.get(f"/portal/requests/{found.request.pk}/").content.decode()
    assert client.get(f"/portal/files/{note.attachments.get().pk}").status_code == 404


def test_nonsense_is_answered_with_the_form() -> None:
    till = world.till()
    client = signed_in(anna(till))
    assert client.get("/portal/ask/version_rollout/").status_code == 404, "not for customers"
    assert client.get("/portal/ask/nothing/").status_code == 404
    for sent in ({}, {"till": "x", "field_selling": "no"}, {"till": till.pk, "field_selling": "maybe"}):
        answer = client.post("/portal/ask/fault/", sent)
        assert (answer.status_code, "is-invalid" in answer.content.decode()) == (422, True)
    assert client.post("/portal/sign-in", {"email": "nothing"}).status_code == 302, "who is signed in is in"
    assert Client().post("/portal/sign-in", {"email": "nothing"}).status_code == 422
    assert Client().get("/portal/code").status_code == 302
    assert client.get("/portal/requests/?page=99&show=x").status_code == 200
    assert Request.objects.count() == 0


def test_articles_are_suggested_while_typing_for_what_the_till_says() -> None:
    from collector.core import clock  # noqa: PLC0415
    from collector.knowledge.sync import sync  # noqa: PLC0415 - writes many articles: for this test alone

    sync(clock.now())
    till = world.till()
    world.incident(till)
    client = signed_in(anna(till))
    told = client.get(f"/portal/suggest?till={till.pk}").content.decode()
    assert "printer-paper-end" in told
    typed = client.get(
        "/portal/suggest?title=paprs+beidzies", headers={"Accept-Language": "lv"}
    ).content.decode()
    assert "/portal/articles/" in typed
    assert client.get("/portal/suggest?title=ab").content.decode().strip() == ""
    page = client.get("/portal/articles/printer-paper-end/").content.decode()
    assert "<h2>What it means</h2>" in page
    assert "Sign(" not in page
    assert client.post("/portal/articles/printer-paper-end/", {"useful": "1"}).status_code == 302


def test_links_of_an_article_lead_where_the_customer_may_go_and_are_words_elsewhere() -> None:
    words = (
        "[kept](page:backups) [tills](page:devices) [people](page:people) [enrol](page:enrol)"
        " [open](article:open) [shut](article:shut) [old](article:old)"
    )
    tree: dict[str, object] = {"nodes": {"start": {"do": {"en": "Done"}, "article": "open"}}}
    article("first", {Part.TEXT: words})
    article("open", {Part.TEXT: "x"})
    article("shut", {Part.TEXT: "x"}, audience=Audience.STAFF)
    retire(article("old", {Part.TEXT: "x"}).pk)
    article("tree", {Part.TEXT: "x"}, tree=tree)
    client = signed_in(anna(world.till()))
    page = client.get("/portal/articles/first/").content.decode()
    prose = page[
        page.index('<div class="prose">') : page.index("</section>", page.index('<div class="prose">'))
    ]
    assert re.findall(r'href="([^"]*)">(\w+)', prose) == [
        ("/portal/backups/", "kept"), ("/portal/", "tills"), ("/portal/articles/open/", "open"),
    ]  # fmt: skip
    for word in ("people", "enrol", "shut", "old"):
        assert f" {word}" in prose
    assert 'href="/portal/articles/open/"' in client.get("/portal/articles/tree/").content.decode()


def article(
    slug: str, parts: dict[Part, str], tree: dict[str, object] | None = None, **more: object
) -> Article:
    one = Article.objects.create(slug=slug, **{"audience": Audience.CUSTOMERS, **more})
    version = add_version(one, None, world.NOW, {"en": Text(title=slug, parts=parts)}, tree=tree)
    return publish(one.pk, version.number)


def test_visits_to_come_stand_before_what_is_done() -> None:
    found = tenants.tenant("ALNIS")
    page = signed_in(found.contact).get("/portal/visits/").content.decode()
    assert "ALNIS1" in page
    found.visit.ended_at, found.visit.note = world.NOW + timedelta(days=1), "Nomainīts"
    found.visit.save()
    assert "Nomainīts" in signed_in(found.contact).get("/portal/visits/").content.decode()
