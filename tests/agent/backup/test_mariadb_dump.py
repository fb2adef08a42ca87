"""What is read of a dump of MariaDB while it passes: the same however it is cut, and equal to what the rows hold."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backup.engines import Facts
from agent.backup.engines.mariadb_dump import DumpReader

HEAD = b"""-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB
-- Server version\t10.11.19-MariaDB-0+deb12u1

--
-- Table structure for table `re``ceipts`
--
DROP TABLE IF EXISTS `re``ceipts`;
CREATE TABLE `re``ceipts` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `doc` varchar(700) DEFAULT NULL COMMENT 'it''s, `odd` int(3)',
  `total` decimal(12,2) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4;

--
-- Dumping data for table `re``ceipts`
--
LOCK TABLES `re``ceipts` WRITE;
"""
TAIL = b"""UNLOCK TABLES;
DELIMITER ;;
/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN
INSERT INTO `re``ceipts` VALUES (99,'of a program',1.00);
-- Table structure for table `no such`
END */;;
DELIMITER ;

--
-- Dumping routines for database 'pos'
--
CREATE PROCEDURE `p`()
INSERT INTO `re``ceipts` VALUES (98,'of another',1.00);
-- Table structure for table `nor this`

-- Dump completed
"""
Row = tuple[int, str | None, Decimal | None]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        st.none() | TEXT,
        st.none() | st.decimals(-9_999_999, 9_999_999, places=2, allow_nan=False),
    ),
    max_size=8,
)
ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\0": "\\0", "\x1a": "\\Z"}
"""As mysql_real_escape_string writes them."""


def insert(row: Row) -> bytes:
    number, text, total = row
    quoted = "NULL" if text is None else "'" + "".join(ESCAPES.get(each, each) for each in text) + "'"
    return f"INSERT INTO `re``ceipts` VALUES ({number},{quoted},{'NULL' if total is None else total});\n".encode()


def read(dump: bytes, step: int = 1 << 20) -> Facts | None:
    reader = DumpReader()
    for at in range(0, len(dump), step):
        reader.feed(memoryview(dump)[at : at + step])
    return reader.finish()


def dumped(rows: list[Row]) -> bytes:
    return HEAD + b"".join(map(insert, rows)) + TAIL


@given(ROWS, st.integers(1, 300))
def test_counts_maxima_and_sums_are_those_of_the_rows(rows: list[Row], step: int) -> None:
    facts = read(dumped(rows), step)
    assert facts is not None
    totals = [total for _, _, total in rows if total is not None]
    assert (facts["tables"], facts["rows"], facts["rows.re`ceipts"]) == (1, len(rows), len(rows))
    assert facts["max.re`ceipts.id"] == max((number for number, _, _ in rows), default=None)
    assert facts["sum.re`ceipts.id"] == (sum(number for number, _, _ in rows) if rows else None)
    shown = facts["sum.re`ceipts.total"]
    assert (shown is None) == (not totals)
    assert not totals or Decimal(str(shown)) == sum(totals)
    assert not totals or Decimal(str(facts["max.re`ceipts.total"])) == max(totals)
    assert facts["server_version"] == "10.11.19-MariaDB-0+deb12u1"


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter_and_any_other_value_does(rows: list[Row], chance: object) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined] # hypothesis' own Random
    assert read(dumped(mixed)) == read(dumped(rows))
    for at, (number, text, total) in enumerate(rows):
        other = [*rows[:at], (number, (text or "") + "x", total), *rows[at + 1 :]]
        assert read(dumped(other)) != read(dumped(rows))


@pytest.mark.parametrize("lost", [1, 2, 10, 20, 60, 200, 700])
def test_a_dump_without_its_last_line_is_none(lost: int) -> None:
    whole = dumped([(1, "a", Decimal("1.00"))])
    assert read(whole) is not None
    assert (read(whole[:-lost]) is None) == (lost > 1), "only the line's own end may lack"


def test_inserts_may_name_their_columns() -> None:
    named = b"INSERT INTO `re``ceipts` (`total`, `id`) VALUES (2.50,7);\n"
    facts = read(HEAD + named + TAIL)
    assert facts is not None
    assert (facts["sum.re`ceipts.total"], facts["max.re`ceipts.id"]) == ("2.50", 7)


def test_tables_without_transactions_are_counted() -> None:
    facts = read(HEAD.replace(b"ENGINE=InnoDB", b"ENGINE=Aria") + TAIL)
    assert facts is not None
    assert facts["tables_without_transactions"] == 1


def test_the_moment_is_known_to_be_chosen_at_the_first_table() -> None:
    reader = DumpReader()
    reader.feed(HEAD[: HEAD.index(b"-- Table")])
    assert not reader.begun
    reader.feed(HEAD[HEAD.index(b"-- Table") :])
    assert reader.begun


def test_the_reader_keeps_one_line_and_no_more(tmp_path: Path) -> None:
    reader = DumpReader()
    for number in range(2000):
        reader.feed((HEAD if number == 0 else b"") + insert((number, "x" * 500, None)))
        assert len(reader._rest) < 1000
    assert reader.begun
