"""How the programs of Firebird reach a server or a file, what their complaints mean, and an isql that answers.
Passwords come from a password file. (https://firebirdsql.org/file/documentation/html/en/firebirddocs/gbak,
.../isql; a file that no server holds is opened by the engine inside the program itself, since Firebird 3.0.)"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.backup.engines import Scalar
from agent.backup.engines.address import Address, parse
from agent.backup.engines.program import Kit, Meaning, ProgramFailed, run

KIT = Kit(
    "Firebird",
    ("/usr/bin", "/opt/firebird/bin", "/opt/firebird*/bin", "C:/Program Files/Firebird/Firebird_*",
     "C:/Program Files/Firebird/Firebird_*/bin"),
    "install the client programs of the server's version (Debian: firebird3.0-utils)",
)  # fmt: skip
EXAMPLE = "firebird://SYSDBA@localhost//var/lib/firebird/pos.fdb?password_file=/etc/plomba/firebird.password"

MEANINGS = (
    Meaning(
        "user name and password are not defined|no permission|could not open password file|login",
        "backup.access_denied",
        "the server does not let the account in, or not read: put its password into a file that only the agent may read"
        " and name it with ?password_file=FILE in the source; a backup needs SYSDBA or the database's owner ({words})",
    ),
    Meaning(
        "no such file or directory|cannot find the (file|path)|системе не удается найти",
        "backup.source_missing",
        "there is no such database: correct its path in the source, as the server sees it ({words})",
    ),
    Meaning(
        "permission denied|access is denied",
        "backup.access_denied",
        "the file of the database may not be read: add the agent's account to the group of the server's ({words})",
    ),
    Meaning(
        "already in the physical backup mode",
        "backup.source_stalled",
        "the database is in backup mode already: another backup is going on, or one was broken off. If none is running,"
        " end it with nbackup -UNLOCK DATABASE ({words})",
        retriable=True,
    ),
    Meaning(
        "unable to complete network request|connection (refused|reset|lost)|failed to establish",
        "backup.source_unreachable",
        "the server does not answer: see that it runs and that the source names its address ({words})",
        retriable=True,
    ),
    Meaning(
        "unsupported on-disk structure|unsupported .* version|incompatible",
        "backup.version_mismatch",
        "{program} does not fit the server: install the client of the server's version, or name its folder with"
        " ?programs=FOLDER in the source ({words})",
    ),
    Meaning(
        "database .* shutdown|lock conflict", "backup.source_locked", "tried later ({words})", retriable=True
    ),
    Meaning(
        "no space left|not enough space", "backup.staging", "no room on the disk ({words})", retriable=True
    ),
)


@dataclass(frozen=True, slots=True)
class Client:
    address: Address
    kit: Kit
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """As the programs take it: HOST/PORT:PATH, or a path alone."""
        where = self.address
        if not where.host:
            return where.database
        return f"{where.host}{f'/{where.port}' if where.port else ''}:{where.database}"

    @property
    def account(self) -> list[str]:
        given = ["-user", self.address.user] if self.address.user else []
        file = self.address.file("password_file")
        return [*given, *(["-fetch_password", str(file)] if file else [])]

    def isql(self, script: str) -> dict[str, Scalar]:
        """The named values that the script selects. ProgramFailed."""
        return {name: _value(text) for name, text in self.isql_rows(script)}

    def isql_rows(self, script: str) -> list[tuple[str, str]]:
        """All values with their names, in order."""
        program = self.kit.find("isql-fb", "isql")
        arguments: list[str | Path] = [
            program,
            "-bail",
            "-quiet",
            "-charset",
            "UTF8",
            *self.account,
            self.database,
        ]
        said = run(arguments, stdin=f"SET LIST ON;\n{script}\n", extra=self.extra, limit_s=None)
        pairs = (line.split(None, 1) for line in said.split("\n") if line.strip())
        return [(pair[0], pair[1].strip() if len(pair) > 1 else "") for pair in pairs]


def client(source: str) -> Client:
    """ConfigError."""
    address = parse(source, ("firebird",), EXAMPLE, {"password_file"})
    address.file("password_file")
    return Client(address, replace(KIT, folder=address.programs))


def embedded(path: Path, lock: Path, kit: Kit = KIT) -> Client:
    """For a file of our own that no server knows. `lock` is where the engine keeps what its processes share: its usual
    place belongs to whoever came first."""
    lock.mkdir(exist_ok=True)
    return Client(Address("firebird", "SYSDBA", "", None, str(path), {}), kit, {"FIREBIRD_LOCK": str(lock)})


def _value(text: str) -> Scalar:
    if text == "<null>":
        return None
    return int(text) if text.removeprefix("-").isdecimal() else text


def is_overflow(error: ProgramFailed) -> bool:
    return "overflow" in error.words.lower()
