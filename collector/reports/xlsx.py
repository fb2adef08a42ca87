"""A report as a workbook: a sheet for each table."""

from io import BytesIO

from xlsxwriter import Workbook  # type: ignore[import-untyped] # has no types

from collector.reports.facts import Facts
from collector.reports.wording import Table, Words, tables, tiles

_WIDE = 60


def draw(facts: Facts, language: str, *, mark: str) -> bytes:
    """`mark`: which report it is, on the first sheet."""
    words = Words(language, facts.zone)
    stream = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(stream, options) as book:
        book.set_properties({"title": f"{words('title')} {facts.month}", "author": "Plomba"})
        _summary(book, facts, words, mark)
        for table in tables(facts, words):
            _sheet(book, table)
    return stream.getvalue()


def _summary(book: Workbook, facts: Facts, words: Words, mark: str) -> None:
    sheet = book.add_worksheet(words("summary")[:31])
    bold = book.add_format({"bold": True, "font_size": 14})
    sheet.write_string(0, 0, f"{words('title')}: {words.month(facts.month)}", bold)
    sheet.write_string(1, 0, facts.customer)
    for row, (name, figure) in enumerate(tiles(facts, words), 3):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, figure)
    sheet.write_string(len(tiles(facts, words)) + 4, 0, mark)
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 20)


def _sheet(book: Workbook, table: Table) -> None:
    sheet = book.add_worksheet(_name(table.key))
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    for column, word in enumerate(table.head):
        sheet.write_string(0, column, word, head)
        longest = max((len(str(row[column] or "")) for row in table.rows), default=0)
        sheet.set_column(column, column, min(max(longest, 10) + 2, _WIDE))
    for number, row in enumerate(table.rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, int | float):
                sheet.write_number(number, column, cell)
            elif cell is not None:
                sheet.write_string(number, column, cell)
    sheet.freeze_panes(1, 0)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.head) - 1)


def _name(text: str) -> str:
    """A sheet's name has 31 letters at most, and none of []:*?/\\."""
    return "".join(letter for letter in text if letter not in "[]:*?/\\")[:31]
