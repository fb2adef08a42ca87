"""A database as a cash program keeps one, for benchmarks: receipts with a random unique key, their lines, payments, a
log and a price list; and what a day of trade changes in it. Made up from a seed; the same again gives the same rows.
`python -m tests.benchmarks.pos_database FILE RECEIPTS`"""

import json
import random
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

DISHES = (
    "Kafija", "Tēja", "Kakao", "Zupa", "Solanka", "Borščs", "Karbonāde", "Kotlete", "Salāti", "Rasols", "Pankūkas",
    "Klimpas", "Pica", "Steiks", "Kūka", "Alus", "Kvass", "Sula",
)  # fmt: skip
KINDS = (
    "maza",
    "liela",
    "bērnu",
    "dienas",
    "ar sieru",
    "ar sēnēm",
    "vegāna",
    "0,33 l",
    "0,5 l",
    "asa",
    "grilēta",
)
ITEMS = 800
BATCH = 10_000
PROGRAMS = ("fiscal", "card", "kitchen", "sync", "screen", "licence")

SCHEMA = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, vat INTEGER, stock INTEGER, changed INTEGER);
CREATE TABLE receipt (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER, shift INTEGER, cashier INTEGER,
 place INTEGER, total INTEGER, vat INTEGER, state INTEGER, sent INTEGER, fiscal BLOB, document TEXT);
CREATE UNIQUE INDEX receipt_key ON receipt (key);
CREATE INDEX receipt_at ON receipt (at);
CREATE TABLE line (id INTEGER PRIMARY KEY, receipt INTEGER, item INTEGER, name TEXT, quantity INTEGER, price INTEGER,
 discount INTEGER, vat INTEGER, key BLOB);
CREATE INDEX line_receipt ON line (receipt);
CREATE INDEX line_item ON line (item, receipt);
CREATE TABLE payment (id INTEGER PRIMARY KEY, receipt INTEGER, kind INTEGER, amount INTEGER, reference TEXT, code TEXT);
CREATE INDEX payment_receipt ON payment (receipt);
CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER, level INTEGER, program TEXT, message TEXT);
"""


@dataclass(frozen=True)
class Sale:
    """The rows that one receipt adds, by table."""

    receipt: tuple[object, ...]
    lines: list[tuple[object, ...]]
    payment: tuple[object, ...]
    events: list[tuple[object, ...]]


class Trade:
    """Draws one receipt after another; `at` is the clock of the till in seconds."""

    def __init__(self, seed: int, at: int) -> None:
        self._chance, self.at = random.Random(seed), at
        self._items = item_names()

    def sale(self, number: int) -> Sale:
        chance = self._chance
        self.at += chance.randint(20, 120)
        lines, told, total = [], [], 0
        for _ in range(min(9, 1 + int(chance.expovariate(1 / 3)))):
            item, quantity = (
                int(chance.triangular(0, ITEMS - 1, 20)),
                chance.choice((1000,) * 3 + (2000, 500)),
            )
            price = price_of(item)
            discount = price // 10 if chance.random() > 0.9 else 0
            total += price * quantity // 1000
            name = self._items[item]
            lines.append((number, item, name, quantity, price, discount, 21, chance.randbytes(16)))
            told.append({"item": item, "name": name, "quantity": quantity / 1000, "price": price / 100})
        key = str(uuid.UUID(bytes=chance.randbytes(16), version=4))
        document = json.dumps(
            {
                "number": number,
                "key": key,
                "at": self.at,
                "lines": told,
                "total": total / 100,
                "signature": chance.randbytes(20).hex(),
            },
            ensure_ascii=False,
        )
        vat, shift = total * 21 // 121, number // 400
        receipt = (
            number,
            key,
            self.at,
            shift,
            chance.randint(1, 12),
            chance.randint(1, 40),
            total,
            vat,
            2,
            1,
        )
        reference, code = f"{chance.randrange(10**12):012}", f"{chance.randrange(10**6):06}"
        payment = (number, chance.choice((1, 2, 2, 2)), total, reference, code)
        return Sale((*receipt, chance.randbytes(32), document), lines, payment, self._events(number))

    def _events(self, number: int) -> list[tuple[object, ...]]:
        chance, found = self._chance, []
        for _ in range(2):
            program, took = chance.choice(PROGRAMS), chance.randint(3, 900)
            session, queue = chance.getrandbits(32), chance.randint(0, 5)
            text = f"{program}: receipt {number} done in {took} ms, {queue} wait, session {session:08x}, status OK"
            found.append((self.at, chance.choice((1, 1, 1, 2, 3)), program, text))
        return found


def item_names() -> list[str]:
    chance = random.Random(11)
    return [f"{chance.choice(DISHES)} {chance.choice(KINDS)} {number}" for number in range(ITEMS)]


def price_of(item: int) -> int:
    return 150 + item * 7 % 2500


def make(path: Path, receipts: int) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;" + SCHEMA
        )
        items = ((number, name, price_of(number), 21, 1000, 0) for number, name in enumerate(item_names()))
        database.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)", items)
        sell(database, Trade(7, 1_600_000_000), 1, receipts)
        database.commit()
        database.execute("PRAGMA journal_mode=WAL")


def sell(database: sqlite3.Connection, trade: Trade, first: int, count: int) -> None:
    for begin in range(first, first + count, BATCH):
        sales = [trade.sale(number) for number in range(begin, min(begin + BATCH, first + count))]
        database.executemany(f"INSERT INTO receipt VALUES ({marks(12)})", (sale.receipt for sale in sales))
        database.executemany(
            f"INSERT INTO line VALUES (NULL, {marks(8)})", (row for sale in sales for row in sale.lines)
        )
        database.executemany(
            f"INSERT INTO payment VALUES (NULL, {marks(5)})", (sale.payment for sale in sales)
        )
        database.executemany(
            f"INSERT INTO event VALUES (NULL, {marks(4)})", (row for sale in sales for row in sale.events)
        )
        database.commit()


def marks(count: int) -> str:
    return ", ".join("?" * count)


def trade_a_day(path: Path, receipts: int, seed: int) -> None:
    """New receipts; the stock of every item; what was sent of the latest; a few late corrections; the oldest of the log
    goes."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA cache_size=-200000")
        last, at = database.execute("SELECT max(id), max(at) FROM receipt").fetchone()
        trade = Trade(seed, at)
        sell(database, trade, last + 1, receipts)
        database.execute("UPDATE item SET stock = stock - id % 17, changed = ?", (trade.at,))
        database.execute("UPDATE receipt SET sent = 2 WHERE id > ?", (last - receipts // 2,))
        database.executemany("UPDATE receipt SET state = 3 WHERE id = ?", corrections(last, receipts, seed))
        database.execute("DELETE FROM event WHERE id < (SELECT min(id) FROM event) + ?", (2 * receipts,))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def corrections(last: int, receipts: int, seed: int) -> Iterator[tuple[int]]:
    chance = random.Random(seed)
    return ((chance.randint(1, last),) for _ in range(max(5, receipts // 200)))


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
