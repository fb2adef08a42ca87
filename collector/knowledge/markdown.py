"""Markdown of articles to HTML: no HTML of the writer's own, no pictures from elsewhere, links through one resolver.
`article:slug` is another article, `page:name` a page of Plomba."""

from collections.abc import Callable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

ARTICLE = "article:"
PAGE = "page:"
_OUTSIDE = ("https://", "http://", "mailto:", "tel:")
_LARGEST_HEADING = 3
"""Pages have the title and the names of the parts above the text."""

Resolve = Callable[[str], str | None]
"""The address of `article:…` or `page:…`; None where there is none."""

_parser = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "html_inline"])
)


def render(text: str, resolve: Resolve) -> str:
    """Safe HTML. A link that leads nowhere is shown as its words alone."""
    tokens = _parser.parse(text)
    for token in _all(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{max(_LARGEST_HEADING, int(token.tag[1]))}"
        if token.type == "inline":
            token.children = list(_linked(token.children or [], resolve))
    return str(_parser.renderer.render(tokens, _parser.options, {}))


def links(text: str) -> list[str]:
    """Every target, as it is written."""
    return [str(t.attrs.get("href", "")) for t in _all(_parser.parse(text)) if t.type == "link_open"]


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _linked(tokens: list[Token], resolve: Resolve) -> Iterator[Token]:
    shut: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            href = address(str(token.attrs.get("href", "")), resolve)
            shut.append(href is None)
            if href is not None:
                token.attrs = {"href": href, **_outside(href)}
        if token.type in ("link_open", "link_close") and shut and shut[-1]:
            if token.type == "link_close":
                shut.pop()
            continue
        if token.type == "link_close":
            shut.pop()
        yield token


def address(target: str, resolve: Resolve) -> str | None:
    """None for a link that may not stand in an article or leads nowhere."""
    if target.startswith((ARTICLE, PAGE)):
        return resolve(target)
    return target if target.startswith(_OUTSIDE) else None


def _outside(href: str) -> dict[str, str]:
    return {"rel": "noopener noreferrer"} if href.startswith("http") else {}
