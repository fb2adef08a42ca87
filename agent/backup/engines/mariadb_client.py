"""How the programs of MariaDB and MySQL reach a server, and what their complaints mean. Passwords come from an option
file (https://mariadb.com/kb/en/configuring-mariadb-with-option-files/)."""

from dataclasses import dataclass, replace
from pathlib import Path

from agent.backup.engines.address import Address, parse
from agent.backup.engines.program import Kit, Meaning

KIT = Kit(
    "MariaDB",
    (
        "/usr/bin", "/usr/sbin", "/usr/local/mysql/bin", "C:/Program Files/MariaDB */bin",
        "C:/Program Files/MySQL/MySQL Server */bin",
    ),
    "install the client of the server's version (Debian: mariadb-client)",
)  # fmt: skip
EXAMPLE = "mariadb://plomba@localhost/pos?option_file=/etc/plomba/mariadb.cnf"

MEANINGS = (
    Meaning(
        r"\b(1045|1698|1130)\b|access denied for user .* \(using",
        "backup.access_denied",
        "the server does not let the account in: put its password under [client] into a file that only the agent may"
        " read and name it with ?option_file=FILE in the source ({words})",
    ),
    Meaning(
        r"\b(1044|1142|1227|1370|1419)\b|access denied|command denied|insufficient privileges",
        "backup.access_denied",
        "the account may not read everything; as an administrator of the server: GRANT SELECT, SHOW VIEW, TRIGGER,"
        " EVENT, LOCK TABLES ON the database, and SELECT ON mysql.proc for procedures, TO the account ({words})",
    ),
    Meaning(
        r"\b1049\b|unknown database",
        "backup.source_missing",
        "the server has no such database: correct the name in the source ({words})",
    ),
    Meaning(
        r"\b(2002|2003|2005|2006|2013|1040|1053)\b",
        "backup.source_unreachable",
        "the server does not answer: see that it runs and that the source names its address ({words})",
        retriable=True,
    ),
    Meaning(
        r"\b(1205|1213|1412)\b|table definition has changed",
        "backup.source_locked",
        "a table was locked or changed by its program; tried later ({words})",
        retriable=True,
    ),
    Meaning(
        r"unknown (variable|option)|plugin .* (cannot be loaded|could not be loaded)|\b(1251|2059)\b",
        "backup.version_mismatch",
        "{program} does not fit the server: install the client of the server's maker and version, or name its folder"
        " with ?programs=FOLDER in the source ({words})",
    ),
)


@dataclass(frozen=True, slots=True)
class Client:
    address: Address
    kit: Kit
    alone: bool = False
    """Reads no option files, which belong to other servers."""

    @property
    def arguments(self) -> list[str]:
        """The option file has to come first."""
        where, options = self.address, self.address.options
        file = where.file("option_file")
        given = {
            "host": where.host,
            "port": str(where.port or ""),
            "user": where.user,
            "socket": options.get("socket"),
        }
        first = ["--no-defaults"] if self.alone else [f"--defaults-extra-file={file}"] if file else []
        return first + [f"--{name}={value}" for name, value in given.items() if value]

    def dump_program(self) -> Path:
        names = ("mariadb-dump", "mysqldump")
        return self.kit.find(*(names if self.address.scheme == "mariadb" else reversed(names)))


def client(source: str, *, alone: bool = False) -> Client:
    """ConfigError."""
    address = parse(source, ("mariadb", "mysql"), EXAMPLE, {"option_file", "socket"})
    address.file("option_file")
    return Client(address, replace(KIT, folder=address.programs), alone)
