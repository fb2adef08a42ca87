"""The knowledge base in a real browser: found while typing, a tree played by keys alone and on a phone, written with a
preview."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open


def test_an_article_is_found_while_typing_with_an_error_and_without_diacritics(open_page: Open) -> None:
    page = open_page("/knowledge/", role="reader", language="lv")
    page.keyboard.type("atviltkne neatveras")  # the search has the focus
    first = page.locator("#knowledge-rows a").first
    expect(first).to_have_text("Naudas atvilktne neatveras")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Naudas atvilktne neatveras")
    page.goto(re.sub("/knowledge/.*", "/knowledge/", page.url))
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("кассовая прогрмма")
    expect(page.locator("#knowledge-rows a").first).to_have_text("Kases programma nedarbojas")
    page.goto(re.sub("/knowledge/.*", "/knowledge/drawer-stuck/", page.url))
    page.click(".tongues a[lang=ru]")
    expect(page.locator("h1")).to_have_text("Денежный ящик не открывается")


def test_a_tree_is_played_by_keys_alone(open_page: Open) -> None:
    page = open_page("/knowledge/drawer-does-not-open/", language="en")
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("Does the printer of this till print receipts?")
    page.keyboard.press("1")
    expect(page.locator("h1")).to_have_text("How does the lock on the drawer's front stand?")
    page.keyboard.press("2")
    expect(page.locator(".play-before li")).to_have_count(2)
    page.keyboard.press("Backspace")
    expect(page.locator(".play-before li")).to_have_count(1)
    page.keyboard.press("1")
    expect(page.locator(".play-do")).to_contain_text("Turn the key to the working position")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("/knowledge/drawer-stuck/$"))


def test_a_tree_fits_a_phone_and_is_played_by_thumb(open_page: Open) -> None:
    page = open_page("/knowledge/printer-does-not-print/play", language="ru", width=360)
    for answer in (0, 0):
        page.locator(".play-answers a").nth(answer).click()
    expect(page.locator(".play-do")).to_contain_text("Вставьте новый рулон")
    for path in ("play", "play?path=0", "play?path=2.0.1", ""):
        page.goto(re.sub("/knowledge/.*", f"/knowledge/printer-does-not-print/{path}", page.url))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        small = page.locator(".play-answers a").evaluate_all(
            "all => all.filter(a => a.offsetHeight < 44).length"
        )
        assert small == 0


def test_an_article_is_written_with_a_preview_and_published(open_page: Open) -> None:
    page = open_page("/knowledge/new", role="manager", language="en")
    page.fill("[name=en-title]", "The scale shows nothing")
    page.fill("[name=en-never]", "**Never** by force.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#preview strong")).to_have_text("Never")
    page.click("button[value=publish]")
    expect(page.locator("h1")).to_have_text("The scale shows nothing")
    page.click("#vote button[value='1']")
    expect(page.locator("#vote")).to_contain_text("Useful to 1 of 1 person")
