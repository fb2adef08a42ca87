"""What a writer types never becomes more than text, links and lists."""

import pytest

from collector.knowledge.markdown import links, render


def resolve(target: str) -> str | None:
    return {"article:a": "/knowledge/a/", "page:devices": "/devices/"}.get(target)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<b>)",
        "![x](data:image/png;base64,AAAA)",
        '<a href="https://example.org">x</a>',
        "[x](//example.org)",
        "[x](/sign-out)",
    ],
)
def test_nothing_of_the_writers_own_html_comes_through(text: str) -> None:
    html = render(text, resolve)
    assert not any(tag in html for tag in ("<script", "<img", "<a "))


def test_a_picture_from_elsewhere_is_a_link_and_is_not_fetched() -> None:
    html = render("![x](https://example.org/track.png)", resolve)
    assert "<img" not in html


def test_links_are_resolved() -> None:
    html = render("[raksts](article:a), [ierīces](page:devices), [VID](https://www.vid.gov.lv)", resolve)
    assert '<a href="/knowledge/a/">raksts</a>' in html
    assert '<a href="/devices/">ierīces</a>' in html
    assert '<a href="https://www.vid.gov.lv" rel="noopener noreferrer">VID</a>' in html


def test_a_link_that_leads_nowhere_stays_as_words() -> None:
    assert render("sk. [to](article:gone) un [šo](article:a)", resolve) == (
        '<p>sk. to un <a href="/knowledge/a/">šo</a></p>\n'
    )
    assert links("sk. [to](article:gone) un [šo](page:x)") == ["article:gone", "page:x"]


def test_headings_stand_below_those_of_the_page() -> None:
    assert render("# A", resolve) == "<h3>A</h3>\n"
