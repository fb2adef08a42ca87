"""The cash database of `pos_database` in PostgreSQL: the same receipts, and the same day of trade."""

from collections.abc import Iterator, Sequence

import psycopg

from tests.benchmarks.pos_database import BATCH, Trade, corrections, item_names, price_of

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name text, price bigint, vat bigint, stock bigint, changed bigint);
CREATE TABLE receipt (id bigint PRIMARY KEY, key text NOT NULL, at bigint, shift bigint, cashier bigint, place bigint,
 total bigint, vat bigint, state bigint, sent bigint, fiscal bytea, document text);
CREATE UNIQUE INDEX receipt_key ON receipt (key);
CREATE INDEX receipt_at ON receipt (at);
CREATE TABLE line (id bigserial PRIMARY KEY, receipt bigint, item bigint, name text, quantity bigint, price bigint,
 discount bigint, vat bigint, key bytea);
CREATE INDEX line_receipt ON line (receipt);
CREATE INDEX line_item ON line (item, receipt);
CREATE TABLE payment (id bigserial PRIMARY KEY, receipt bigint, kind bigint, amount bigint, reference text, code text);
CREATE INDEX payment_receipt ON payment (receipt);
CREATE TABLE event (id bigserial PRIMARY KEY, at bigint, level bigint, program text, message text);
"""
_RECEIPT = "receipt"
_LINE = "line (receipt, item, name, quantity, price, discount, vat, key)"
_PAYMENT = "payment (receipt, kind, amount, reference, code)"
_EVENT = "event (at, level, program, message)"


def make(address: str, receipts: int) -> None:
    with psycopg.connect(address) as database, database.cursor() as cursor:
        cursor.execute(SCHEMA)
        items = ((number, name, price_of(number), 21, 1000, 0) for number, name in enumerate(item_names()))
        _copy(cursor, "item", items)
        _sell(cursor, Trade(7, 1_600_000_000), 1, receipts)


def trade_a_day(address: str, receipts: int, seed: int) -> None:
    with psycopg.connect(address) as database, database.cursor() as cursor:
        last, at = cursor.execute("SELECT max(id), max(at) FROM receipt").fetchone() or (0, 0)
        trade = Trade(seed, at)
        _sell(cursor, trade, last + 1, receipts)
        cursor.execute("UPDATE item SET stock = stock - id %% 17, changed = %s", (trade.at,))
        cursor.execute("UPDATE receipt SET sent = 2 WHERE id > %s", (last - receipts // 2,))
        cursor.executemany(
            "UPDATE receipt SET state = 3 WHERE id = %s", list(corrections(last, receipts, seed))
        )
        cursor.execute("DELETE FROM event WHERE id < (SELECT min(id) FROM event) + %s", (2 * receipts,))


def _sell(cursor: psycopg.Cursor, trade: Trade, first: int, count: int) -> None:
    for begin in range(first, first + count, BATCH):
        sales = [trade.sale(number) for number in range(begin, min(begin + BATCH, first + count))]
        _copy(cursor, _RECEIPT, (sale.receipt for sale in sales))
        _copy(cursor, _LINE, (row for sale in sales for row in sale.lines))
        _copy(cursor, _PAYMENT, (sale.payment for sale in sales))
        _copy(cursor, _EVENT, (row for sale in sales for row in sale.events))


def _copy(cursor: psycopg.Cursor, table: str, rows: Iterator[Sequence[object]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
