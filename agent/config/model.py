"""Every table and key of the agent's configuration, with its limits and its default. Reads no file."""

import os
import re
import sys
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from agent.config import address
from agent.config.nearest import nearest
from protocols.device.registry import FAMILIES
from protocols.wire.desired import LISTS
from protocols.wire.erasure import Column
from protocols.wire.key_text import PUBLIC_MARK, BadKeyText, decode_line


def data_dir() -> Path:
    """Where the platform keeps the data of a service."""
    if sys.platform == "win32":
        return Path(os.environ.get("ProgramData", r"C:\ProgramData")) / "Plomba" / "state"  # noqa: SIM112
    return Path("/var/lib/plomba-agent")


def _wrong(problem: str, allowed: str = "") -> PydanticCustomError:
    return PydanticCustomError("plomba", "{problem}", {"problem": problem, "allowed": allowed})


def _family(name: str) -> str:
    if name in FAMILIES:
        return name
    raise _wrong(f"unknown family {name!r}{nearest(name, FAMILIES)}", ", ".join(FAMILIES))


def _address(text: str) -> str:
    try:
        address.parse(text)
    except ValueError as e:
        raise _wrong(str(e), address.ALLOWED) from e
    return text


def _link(text: str) -> str:
    if re.fullmatch(r"/[^\x00-\x1f]{0,400}[^/\x00-\x1f]", text):
        return text
    raise _wrong(f"{text!r} is no path of a link", "/run/plomba/NAME")


def _url(text: str) -> str:
    if re.fullmatch(r"https://[^/\s?#]+/?", text):
        return text.rstrip("/")
    raise _wrong(f"{text!r} is no collector address", "https://HOST or https://HOST:PORT")


def _store(text: str) -> str:
    if not text or re.fullmatch(r"https://[^/\s?#@]+/?", text):
        return text.rstrip("/")
    raise _wrong(f"{text!r} is no address of an object store", "https://HOST or https://HOST:PORT")


def _authority(text: str) -> str:
    import ssl  # noqa: PLC0415 - most tills need none

    try:
        if text:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as e:
        raise _wrong("this is no certificate", "one as PEM, from -----BEGIN CERTIFICATE----- on") from e
    return text


def _host_port(text: str) -> str:
    match = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([1-9]\d{0,4})", text)
    if not text or (match and int(match[1]) < 1 << 16):
        return text
    raise _wrong(f"{text!r} is no address of a server", "HOST:PORT")


def _lan(text: str) -> str:
    if text == "0.0.0.0" or (address.is_ipv4(text) and address.is_near(text)):  # noqa: S104 - all of its addresses
        return text
    raise _wrong(f"{text!r} is no private IPv4 address", "an address of this till in the shop, or 0.0.0.0")


def _group(text: str) -> str:
    if not text or (text.startswith("239.") and address.is_ipv4(text)):
        return text
    raise _wrong(f"{text!r} is no multicast group of a LAN", '239.x.y.z, or "" for none')


def _peer(text: str) -> str:
    host, _, port = text.partition(":")
    if (
        address.is_ipv4(host)
        and address.is_near(host)
        and (not port or (port.isdecimal() and 0 < int(port) < 65536))
    ):
        return text
    raise _wrong(f"{text!r} is no private IPv4 address", "192.168.1.10 or 192.168.1.10:8447")


def _path(value: object) -> object:
    return Path(value) if isinstance(value, str) and value else value


def _mark(text: str) -> str:
    found = re.fullmatch(r"([a-z_]+)(\[[A-Za-z0-9][A-Za-z0-9._-]{0,63}\])?(?:\.([a-z_]+))?", text)
    if text == "*" or (found and found[1] in TABLES and not (found[2] and found[1] not in LISTS)):
        return text
    near = nearest(found[1], TABLES) if found else ""
    raise _wrong(
        f"{text!r} names nothing of this file{near}", 'host, host.sample_s, device[NAME].poll_s, "*"'
    )


def _public_key(text: str) -> str:
    try:
        if text:
            decode_line(PUBLIC_MARK, text)
    except BadKeyText as e:
        raise _wrong(str(e), f"the line of a public key, {PUBLIC_MARK} ...") from e
    return text


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _every(value: object) -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,4})([mhd])", value) if isinstance(value, str) else None
    if not match:
        raise _wrong(f"{value!r} is no interval", "a number and m, h or d, such as 30m, 6h, 1d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _window(value: object) -> tuple[time, time]:
    """Such as "22:00-06:00"; over midnight where the end is the smaller."""
    begin, dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not dash:
        raise _wrong(f"{value!r} is no window", "HH:MM-HH:MM")
    return _at(begin.strip()), _at(end.strip())


def _at(value: object) -> time:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if not match:
        raise _wrong(f"{value!r} is no time of day", '"HH:MM", such as "03:30"')
    return time(int(match[1]), int(match[2]))


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
File = Annotated[Path, BeforeValidator(_path)]
Percent = Annotated[float, Field(gt=0, lt=100)]
Mark = Annotated[str, AfterValidator(_mark)]
Server = Annotated[str, AfterValidator(_host_port)]
_PUBLIC = rf"^({PUBLIC_MARK} [A-Za-z2-7 -]{{58,120}})?$"
Service = Annotated[str, Field(pattern=r"^[A-Za-z0-9_$][A-Za-z0-9@:._\\$ -]{0,99}$")]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Agent(Table):
    """`name` is what the till calls itself at enrolment; empty means the host name. `local`: keys in which this
    file holds against the collector, such as "device[kitchen].poll_s", "backup" or "*" for all. From `open_from` to
    `open_to` (local time; may go over midnight) the shop is open, and work that can wait does. `regime`: the country
    whose law tells which backups have to be made."""

    state_dir: File = Field(default_factory=data_dir)
    name: Annotated[str, Field(max_length=80)] = ""
    language: Literal["lv", "en", "ru"] = "lv"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    profiles_dir: File | None = None
    local: Annotated[tuple[Mark, ...], Field(strict=False, max_length=64)] = ()
    open_from: Annotated[time, BeforeValidator(_at)] | None = None
    open_to: Annotated[time, BeforeValidator(_at)] | None = None
    regime: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "lv"

    @model_validator(mode="after")
    def _both_hours(self) -> Self:
        if (self.open_from is None) != (self.open_to is None):
            raise _wrong("open_from and open_to go together", 'open_from = "08:00", open_to = "23:00"')
        return self


class Collector(Table):
    """`monthly_mb`: the traffic budget of a calendar month; figures give way to it. None: there is none.
    `verify_public`: the public half of the key that the collector proves backups with, for those backups whose
    `verify_key` is "collector". `storage_url`: packs of backups may go straight to the store behind the collector, and
    this is the one. `storage_ca`: the certificate (PEM) of the one authority that it is believed by; empty: those that
    this computer trusts."""

    url: Annotated[str, AfterValidator(_url)]
    report_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    monthly_mb: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    verify_public: Annotated[str, Field(pattern=_PUBLIC), AfterValidator(_public_key)] = ""
    storage_url: Annotated[str, AfterValidator(_store)] = ""
    storage_ca: Annotated[str, Field(max_length=2000), AfterValidator(_authority)] = ""


class Queue(Table):
    """What waits for the collector, and how long what it has stays here. Incidents and the journal know no cap but
    the disk."""

    max_mb: Annotated[int, Field(ge=8, le=65_536)] = 256
    keep_days: Annotated[int, Field(ge=1, le=90)] = 7
    figures_days: Annotated[int, Field(ge=1, le=366)] = 35


class Device(Table):
    """`drawer_open_when` is None until somebody has looked which level of the sensor means open: till then
    the drawer is unknown. `model` names the profile where the device does not say its model. `sharing`: how
    the port is shared with the cash program; "tap" puts a tap before it, and the cash program opens `tap_link`
    instead."""

    id: Name
    family: Annotated[str, AfterValidator(_family)]
    port: Annotated[str, AfterValidator(_address)]
    baud: Annotated[int, Field(ge=300, le=921600)] | None = None
    parity: Literal["N", "E", "O"] | None = None
    model: Annotated[str, Field(max_length=80)] = ""
    poll_s: Annotated[float, Field(ge=0.5, le=3600)] = 5.0
    slow_s: Annotated[float, Field(ge=10, le=86400)] = 300.0
    drawer_open_when: Literal["high", "low"] | None = None
    drawer_open_too_long_s: Annotated[float, Field(gt=0, le=86400)] = 120.0
    clock_drift_s: Annotated[float, Field(ge=1, le=86400)] = 300.0
    sharing: Literal["poll", "tap"] = "poll"
    tap_link: Annotated[str, AfterValidator(_link)] | None = None

    @model_validator(mode="after")
    def _tapped(self) -> Self:
        if self.sharing == "poll":
            if self.tap_link is not None:
                raise _wrong('tap_link means nothing without sharing = "tap"')
            return self
        heard = [name for name, family in FAMILIES.items() if family.overhear]
        if sys.platform != "linux":
            raise _wrong("a tap works on Linux only", 'sharing = "poll"')
        if not isinstance(address.parse(self.port), address.SerialAddress):
            raise _wrong(f"a tap stands before a serial port, which {self.port!r} is not", "/dev/ttyUSB0")
        if self.family not in heard:
            raise _wrong(f"nothing can be heard of family {self.family!r} through a tap", ", ".join(heard))
        if self.tap_link is None or self.tap_link == self.port:
            raise _wrong("a tap needs tap_link, the port that the cash program opens", "/run/plomba/NAME")
        return self

    @model_validator(mode="after")
    def _reached(self) -> Self:
        found, ports = address.parse(self.port), FAMILIES[self.family].ports
        if address.reaches(found, ports):
            return self
        if found.way in ports.ways:
            ids = ", ".join(f"{found.way}:{vid:04x}:{pid:04x}" for vid, pid in ports.vid_pids)
            raise _wrong(f"family {self.family!r} is not read from {self.port}", ids)
        others = [name for name, family in FAMILIES.items() if found.way in family.ports.ways]
        raise _wrong(
            f"family {self.family!r} is not reached by a port of the kind {found.way}, but by"
            f" {', '.join(ports.ways)}",
            f"for {found.way}: {', '.join(others) or 'no family'}",
        )


class Host(Table):
    """`services` must run; `pos_process` is the cash program's process, which must run while the
    shop is open; `pos_programs` are files whose version and digest are watched; `pos_server` and
    `main_terminal` are what the cash program itself talks to."""

    sample_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    disk_low_percent: Percent = 10.0
    memory_low_percent: Percent = 5.0
    too_hot_celsius: Annotated[float, Field(ge=30, le=120)] = 85.0
    clock_drift_s: Annotated[float, Field(ge=1, le=86400)] = 60.0
    services: Annotated[tuple[Service, ...], Field(strict=False, max_length=32)] = ()
    pos_process: Annotated[str, Field(max_length=100)] = ""
    pos_programs: Annotated[tuple[File, ...], Field(strict=False, max_length=32)] = ()
    pos_server: Server = ""
    main_terminal: Server = ""


class Backup(Table):
    """`repository` is "collector", a folder, or sftp://user@host/folder. Either `every` or `at` (local time of the
    till) is set, or `after`, by which each Z report begins one; `after` may stand beside the others. `customer_key` and
    `verify_key` open the backup beside the recovery key. `verify_key = "collector"` means the key that the collector
    wishes, so that it may open the backup, and none while it wishes none. `delta` keeps a copy of the last backup on
    the till, so that less is sent. `classes`: which sets of the law it fills (in Latvia `daily`, `version`, `database`,
    `operational`), where its engine does not tell. `erasable`: TABLE.COLUMN of a SQLite source in which a restore does
    erasures of personal data once more. While the till is busy, or outside of `window`, a backup that has
    begun waits, for `deadline` at most; then it goes on slowly."""

    name: Name
    engine: Name
    source: Annotated[str, Field(min_length=1)]
    repository: Annotated[str, Field(min_length=1)] = "collector"
    recovery_key: File
    customer_key: File | None = None
    verify_key: Annotated[Literal["collector"] | File | None, Field(union_mode="left_to_right")] = None
    sftp_key: File | None = None
    sftp_host_key: Annotated[str, Field(max_length=2000)] = ""
    delta: bool = False
    read_mib_s: Annotated[float, Field(gt=0, le=10_000)] | None = None
    send_kib_s: Annotated[float, Field(ge=8, le=10_000_000)] | None = None
    window: Annotated[tuple[time, time], BeforeValidator(_window)] | None = None
    deadline: Annotated[timedelta, BeforeValidator(_every)] = timedelta(hours=4)
    every: Annotated[timedelta, BeforeValidator(_every)] | None = None
    at: Annotated[time, BeforeValidator(_at)] | None = None
    after: Literal["z_report"] | None = None
    classes: Annotated[tuple[Name, ...], Field(strict=False, max_length=16)] = ()
    erasable: Annotated[tuple[Column, ...], Field(strict=False, max_length=64)] = ()

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if self.every is not None and self.at is not None:
            raise _wrong("has every and at, and needs either", 'every = "6h" or at = "03:30"')
        if self.every is None and self.at is None and self.after is None:
            raise _wrong("needs every, at or after", 'every = "6h", at = "03:30" or after = "z_report"')
        return self


class Discovery(Table):
    """`ports` may be asked by `plomba-agent probe`: somebody who knows that no drawer is on them says so."""

    ports: Annotated[
        tuple[Annotated[str, AfterValidator(_address)], ...], Field(strict=False, max_length=64)
    ] = ()


class Budget(Table):
    """What the agent itself may use: of one core, of memory, written to the disk, sent to the collector. It does
    less before it reaches one of these. After days without a line a lot is sent in one hour, and that is well.
    `backup_monthly_mb`: what all backups together may send in a calendar month of UTC; near its end only those go that
    the law demands. None: there is no limit."""

    cpu_percent: Annotated[float, Field(gt=0, le=100)] = 2.0
    memory_mib: Annotated[float, Field(ge=40, le=4096)] = 120.0
    disk_mib_per_h: Annotated[float, Field(ge=1, le=10_000)] = 50.0
    sent_mib_per_h: Annotated[float, Field(ge=1, le=10_000)] = 500.0
    backup_monthly_mb: Annotated[int, Field(ge=10, le=10_000_000)] | None = None


class Jobs(Table):
    """What operators may have done here. `company_root` is the public key of the company's root (Ed25519, base64url):
    only a list of operators that it signed counts, and without it no job is ever run. Only what is named here can be
    restarted, cleared or read. `drill_key` is where a person who visits the till puts the key that opens backups.
    `restore_over` names the backups whose live source a job of two operators may restore over."""

    company_root: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]{43})?$")] = ""
    services: Annotated[tuple[str, ...], Field(strict=False, max_length=32)] = ()
    printers: Annotated[tuple[str, ...], Field(strict=False, max_length=32)] = ()
    logs: Annotated[tuple[File, ...], Field(strict=False, max_length=32)] = ()
    drill_key: File | None = None
    restore_over: Annotated[tuple[Name, ...], Field(strict=False, max_length=32)] = ()


class Relay(Table):
    """Nothing of it unless somebody wants it. `use`: this till may go through a neighbour while it has no way of its
    own; `serve`: neighbours may go through this one, at `listen`. The relay with the lowest `rank` is taken first.
    `peers` are neighbours where multicast does not pass; `group` "" asks nobody else. `kib_s` bounds all tunnels
    together. Open to private IPv4 addresses only."""

    use: bool = False
    serve: bool = False
    listen: Annotated[str, AfterValidator(_lan)] = "0.0.0.0"  # noqa: S104 - strangers are hung up on
    port: Annotated[int, Field(ge=1, le=65535)] = 8447
    rank: Annotated[int, Field(ge=0, le=1000)] = 100
    group: Annotated[str, AfterValidator(_group)] = "239.255.84.47"
    peers: Annotated[
        tuple[Annotated[str, AfterValidator(_peer)], ...], Field(strict=False, max_length=32)
    ] = ()
    tunnels: Annotated[int, Field(ge=1, le=64)] = 16
    kib_s: Annotated[int, Field(ge=8, le=10_000)] = 128


class Config(Table):
    agent: Agent = Field(default_factory=Agent)
    collector: Collector
    host: Host = Field(default_factory=Host)
    devices: Annotated[tuple[Device, ...], Field(alias="device", strict=False, max_length=64)] = ()
    backups: Annotated[tuple[Backup, ...], Field(alias="backup", strict=False, max_length=64)] = ()
    discovery: Discovery = Field(default_factory=Discovery)
    budget: Budget = Field(default_factory=Budget)
    jobs: Jobs = Field(default_factory=Jobs)
    relay: Relay = Field(default_factory=Relay)
    queue: Queue = Field(default_factory=Queue)

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        _unique("device", "id", [device.id for device in self.devices])
        _unique("device", "port", [device.port for device in self.devices], address.place)
        _unique("backup", "name", [backup.name for backup in self.backups])
        return self


def _unique(table: str, key: str, values: list[str], same: Callable[[str], str] = str) -> None:
    compared = [same(value) for value in values]
    for index, value in enumerate(values):
        if compared[index] in compared[:index]:
            raise _wrong(f"[[{table}]] number {index + 1} has the same {key} {value!r} as one before it")


TABLES: dict[str, type[Table]] = {
    "agent": Agent, "collector": Collector, "host": Host, "discovery": Discovery, "budget": Budget,
    "device": Device, "backup": Backup, "jobs": Jobs, "relay": Relay,
    "queue": Queue,
}  # fmt: skip
