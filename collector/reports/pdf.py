"""A report as a document for printing: figures on top, a picture of the availability, then the tables."""

from datetime import datetime
from functools import cache
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from collector.reports.facts import Availability, Facts
from collector.reports.wording import Cell, Table, Words, tables, tiles

FONTS = Path(__file__).resolve().parent.parent / "web" / "static" / "vendor"
"""Set up with the pages (collector.web.assets): Latvian and Russian letters stand in no font that PDF has itself."""
INK, QUIET, GOOD, MIDDLING, BAD, PALE = (
    (27, 36, 48), (100, 110, 125), (47, 158, 68), (230, 150, 20), (214, 57, 57), (236, 239, 243),
)  # fmt: skip
BARS_MOST = 24
_GOOD_FROM, _MIDDLING_FROM = 99.5, 97.0


def draw(facts: Facts, language: str, *, mark: str, made_at: datetime) -> bytes:
    """`mark`: which report it is, at the foot of each page. The same bytes for the same report."""
    words = Words(language, facts.zone)
    page = _Page(words, mark)
    page.set_creation_date(made_at)
    page.set_title(f"{words('title')} {facts.month}")
    page.set_lang(words.language)
    page.add_page()
    _head(page, facts, words)
    _tiles(page, tiles(facts, words))
    for table in tables(facts, words):
        _table(page, table, words)
        if table.key == words("availability_of"):
            _bars(page, facts.tills + facts.devices, words)
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, words: Words, mark: str) -> None:
        super().__init__(format="A4")
        self._words, self._mark = words, mark
        self.set_margins(15, 15)
        self.set_auto_page_break(auto=True, margin=18)
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font("DejaVu", style, _font(name))

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("DejaVu", size=6.5)
        self.set_text_color(*QUIET)
        self.cell(0, 4, self._mark)
        self.set_y(-12)
        self.cell(0, 4, self._words("page", page=self.page_no()), align="R")


@cache
def _font(name: str) -> Path:
    return FONTS / name


def _head(page: FPDF, facts: Facts, words: Words) -> None:
    page.set_text_color(*INK)
    page.set_font("DejaVu", "B", 18)
    page.cell(0, 9, f"{words('title')}: {words.month(facts.month)}", new_x="LMARGIN", new_y="NEXT")
    page.set_font("DejaVu", size=11)
    page.cell(0, 6, facts.customer, new_x="LMARGIN", new_y="NEXT")
    if facts.registration_number:
        page.set_text_color(*QUIET)
        page.set_font("DejaVu", size=9)
        number = words("registration", number=facts.registration_number)
        page.cell(0, 5, number, new_x="LMARGIN", new_y="NEXT")
    page.ln(4)


def _tiles(page: FPDF, found: list[tuple[str, str]]) -> None:
    width, gap, top = page.epw / len(found), 2.0, page.get_y()
    for number, (name, figure) in enumerate(found):
        left = page.l_margin + number * width
        page.set_fill_color(*PALE)
        page.rect(left, top, width - gap, 18, style="F", round_corners=True, corner_radius=2)
        page.set_xy(left, top + 2.5)
        page.set_text_color(*QUIET)
        page.set_font("DejaVu", size=6.5)
        page.cell(width - gap, 4, name, align="C")
        page.set_xy(left, top + 8)
        page.set_text_color(*INK)
        page.set_font("DejaVu", "B", 13)
        page.cell(width - gap, 7, figure, align="C")
    page.set_xy(page.l_margin, top + 22)


def _title(page: FPDF, text: str, note: str = "") -> None:
    if page.will_page_break(24):
        page.add_page()
    page.ln(3)
    page.set_text_color(*INK)
    page.set_font("DejaVu", "B", 11)
    page.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
    if note:
        page.set_text_color(*QUIET)
        page.set_font("DejaVu", size=7)
        page.multi_cell(0, 3.6, note, new_x="LMARGIN", new_y="NEXT")
    page.ln(1)


def _table(page: FPDF, table: Table, words: Words) -> None:
    _title(page, table.key, table.note)
    page.set_text_color(*INK)
    page.set_font("DejaVu", size=7.5)
    if not table.rows:
        page.set_text_color(*QUIET)
        page.cell(0, 5, words("nothing"), new_x="LMARGIN", new_y="NEXT")
        return
    page.set_fill_color(255, 255, 255)  # cells are filled with whatever was drawn last
    columns = range(len(table.head))
    with page.table(
        col_widths=tuple(_width(table, column) for column in columns),
        text_align=tuple("RIGHT" if column in table.numbers else "LEFT" for column in columns),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", size_pt=7, color=QUIET),
        line_height=4.2,
        padding=0.6,
    ) as drawn:
        drawn.row(table.head)
        for row in table.rows:
            drawn.row([_text(cell, words) for cell in row])


def _width(table: Table, column: int) -> int:
    longest = max((len(str(row[column] or "")) for row in table.rows), default=0)
    head = max(len(part) for part in table.head[column].split())
    return max(min(longest, 34), min(head, 16), 5)


def _text(cell: Cell, words: Words) -> str:
    if cell is None:
        return words("not_known")
    if isinstance(cell, float):
        text = f"{int(cell * 100) / 100:.2f}"
        return text if words.language == "en" else text.replace(".", ",")
    return str(cell)


def _bars(page: FPDF, rows: tuple[Availability, ...], words: Words) -> None:
    """The worst, as a picture: the figure stands beside each bar, so colour is never alone."""
    known = sorted((one for one in rows if one.percent is not None), key=lambda one: one.percent or 0)
    shown = [one for one in known if one.percent is not None and one.percent < 100][:BARS_MOST]
    if not shown:
        return
    page.ln(3)
    names, width = 62.0, page.epw - 62 - 22
    for one in shown:
        if page.will_page_break(5):
            page.add_page()
        top, percent = page.get_y(), one.percent or 0.0
        page.set_font("DejaVu", size=7)
        page.set_text_color(*INK)
        page.cell(names, 4.4, " · ".join(part for part in (one.site, one.till, one.device) if part)[:44])
        page.set_fill_color(*PALE)
        page.rect(page.l_margin + names, top + 0.8, width, 2.8, style="F")
        page.set_fill_color(*_colour(percent))
        page.rect(page.l_margin + names, top + 0.8, max(width * percent / 100, 0.4), 2.8, style="F")
        page.set_xy(page.l_margin + names + width, top)
        page.cell(22, 4.4, words.percent(percent), align="R", new_x="LMARGIN", new_y="NEXT")


def _colour(percent: float) -> tuple[int, int, int]:
    if percent >= _GOOD_FROM:
        return GOOD
    return MIDDLING if percent >= _MIDDLING_FROM else BAD
