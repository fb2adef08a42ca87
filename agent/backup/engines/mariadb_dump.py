"""Reads along in a dump of MariaDB or MySQL with one INSERT per row: whether it is whole, what it holds. Pure: bytes
in, facts out. So the counts are of the dump's own moment, which no second session could share."""

import hashlib
import re
from dataclasses import dataclass, field

from agent.backup.engines import Facts, Scalar

LAST_LINE = b"-- Dump completed"
_STRUCTURE, _DATA = b"-- Table structure for table `", b"-- Dumping data for table `"
_CODE = (b"-- Dumping routines for database", b"-- Dumping events for database")
"""Behind these lines stands what programs wrote; no table comes any more."""
_DELIMITER, _UNLOCK, _INSERT = b"DELIMITER ", b"UNLOCK TABLES", b"INSERT INTO `"
_COLUMN = re.compile(rb"\s+`((?:[^`]|``)+)` (\w+)(?:\((\d+)(?:,(\d+))?\))?")
_END = re.compile(rb"\) (?:.*?)ENGINE=(\w+)")
_VALUES = re.compile(rb"INSERT INTO `(?:[^`]|``)+` (?:\(((?:`(?:[^`]|``)+`(?:, ?)?)+)\) )?VALUES \(")
_NAME = re.compile(rb"`((?:[^`]|``)+)`")
_VALUE = re.compile(rb"(?:[^,']+|'[^'\\]*(?:\\.[^'\\]*)*')+", re.DOTALL)
_WHOLE = {b"tinyint", b"smallint", b"mediumint", b"int", b"bigint"}
_TRANSACTIONAL = {b"InnoDB"}
_MASK = (1 << 64) - 1


@dataclass(slots=True)
class _Number:
    """A column of whole or exact numbers; `scale` digits stand behind the point."""

    name: bytes
    scale: int
    most: int | None = None
    total: int | None = None

    def take(self, text: bytes) -> None:
        if text == b"NULL":
            return
        value = int(text.replace(b".", b"", 1) if self.scale else text)
        self.most = value if self.most is None or value > self.most else self.most
        self.total = value + (self.total or 0)

    def shown(self, value: int | None) -> Scalar:
        if value is None or not self.scale:
            return value
        sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(self.scale + 1, "0")
        return f"{sign}{digits[: -self.scale]}.{digits[-self.scale :]}"


@dataclass(slots=True)
class _Table:
    name: str
    columns: list[bytes] = field(default_factory=list)
    numbers: dict[bytes, _Number] = field(default_factory=dict)
    wanted: list[tuple[int, _Number]] = field(default_factory=list)
    begin: int = 0
    rows: int = 0
    digest: int = 0
    transactional: bool = True

    def column(self, line: bytes) -> None:
        found = _COLUMN.match(line)
        if not found:
            return
        name, kind, _, scale = found.groups()
        self.columns.append(name)
        if kind in _WHOLE:
            self.numbers[name] = _Number(name, 0)
        elif kind == b"decimal":
            self.numbers[name] = _Number(name, int(scale or 0))

    def row(self, line: bytes) -> None:
        if not self.begin:
            self._learn(line)
        self.rows += 1
        # a sum of digests does not ask for the order, which tables without a primary key do not keep
        self.digest += int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big")
        if self.wanted:
            values = _VALUE.findall(line, self.begin, len(line) - 2)
            for index, number in self.wanted:
                number.take(values[index])

    def facts(self) -> dict[str, Scalar]:
        facts: dict[str, Scalar] = {
            f"rows.{self.name}": self.rows,
            f"digest.{self.name}": f"{self.digest & _MASK:016x}",
        }
        for number in self.numbers.values():
            column = _text(number.name)
            facts[f"max.{self.name}.{column}"] = number.shown(number.most)
            facts[f"sum.{self.name}.{column}"] = number.shown(number.total)
        return facts

    def _learn(self, line: bytes) -> None:
        """Which values of a row are wanted: all columns in order, unless the INSERT names them."""
        found = _VALUES.match(line)
        if not found:
            raise ValueError(f"a row of {self.name} is not understood")
        self.begin = found.end()
        columns = _NAME.findall(found.group(1)) if found.group(1) else self.columns
        self.wanted = [
            (index, self.numbers[name]) for index, name in enumerate(columns) if name in self.numbers
        ]


class DumpReader:
    def __init__(self) -> None:
        self._rest = b""
        self._last = b""
        self._tables: list[_Table] = []
        self._in_structure = self._in_data = self._in_code = self._ended = False
        self.server_version = ""

    @property
    def begun(self) -> bool:
        """Whether the dump has come to its first table, and so has chosen its moment."""
        return bool(self._tables) or self._ended

    def feed(self, data: bytes | memoryview) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line)

    def finish(self) -> Facts | None:
        """None unless the dump was whole."""
        self.feed(b"\n")
        if not self._last.startswith(LAST_LINE):
            return None
        facts: dict[str, Scalar] = {
            "server_version": self.server_version,
            "tables": len(self._tables),
            "rows": sum(table.rows for table in self._tables),
            "tables_without_transactions": sum(not table.transactional for table in self._tables),
        }
        for table in self._tables:
            facts |= table.facts()
        return facts

    def _line(self, line: bytes) -> None:
        if self._in_data and line.startswith(_INSERT):
            self._tables[-1].row(line)
            return
        if line.strip():
            self._last = line
        if self._ended:
            return
        if self._in_structure:
            self._structure(line)
        elif line.startswith(_DELIMITER):
            self._in_code = line.strip() != b"DELIMITER ;"
        elif not self._in_code:
            self._between(line)

    def _structure(self, line: bytes) -> None:
        end = _END.match(line)
        if end:
            self._tables[-1].transactional = end.group(1) in _TRANSACTIONAL
        if line.startswith(b")"):
            self._in_structure = False
        else:
            self._tables[-1].column(line)

    def _between(self, line: bytes) -> None:
        if line.startswith(_STRUCTURE):
            self._tables.append(_Table(_text(line[len(_STRUCTURE) : -1])))
            self._in_structure, self._in_data = True, False
        elif line.startswith(_DATA):
            self._in_data = True
        elif line.startswith(_UNLOCK):
            self._in_data = False
        elif line.startswith(_CODE):
            self._ended = True
        elif line.startswith(b"-- Server version\t"):
            self.server_version = _text(line.partition(b"\t")[2])


def _text(name: bytes) -> str:
    return name.replace(b"``", b"`").decode("utf-8", "replace")
