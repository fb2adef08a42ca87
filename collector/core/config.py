"""`collector.toml` -> Config, checked once. Unknown keys are refused with the nearest known key. Knows no
Django."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    field_validator,
    model_validator,
)

from protocols.errors import ConfigError

HOME_VARIABLE = "PLOMBA_COLLECTOR_HOME"
FILE_VARIABLE = "PLOMBA_COLLECTOR_CONFIG"
FILE_NAME = "collector.toml"
DEFAULT_HOME = Path("/var/lib/plomba-collector")

LOOPBACK = ("localhost", "127.0.0.1", "::1")
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """`public_url` is what agents and browsers use; empty: https://<host>:<port>. `tls = false` only behind
    a proxy on the same machine that does TLS itself."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8443
    public_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+)?$")] = ""
    tls: bool = True
    allowed_hosts: tuple[str, ...] = ()
    language: Literal["lv", "en", "ru"] = "lv"


class Hold(Section):
    """How long a cleared fault must stay away before its incident resolves itself."""

    device: Seconds = 4
    host: Seconds = 30
    backup: Seconds = 0
    silent: Seconds = 30


class Identity(Section):
    """`approval`: every new terminal waits until a technician approves it; else only those of sites that ask for
    it. A key older than `key_days` is changed by itself. `late_s`: so long may a report of the last run of an agent
    be on its way; `live_s`: two sessions that are heard in turn within it are alive."""

    approval: bool = False
    key_days: Annotated[float, Field(gt=0, le=3650)] = 365
    late_s: Seconds = 60
    live_s: Seconds = 3600


class Retention(Section):
    """How long backups that lie here are kept, by this server's time: everything for `all_days`, then the first and the
    last good set of each day for `daily_years` and of each month for `monthly_years`. Latvia asks for three years
    (Cabinet Regulation No. 95), and the Accounting Law, section 28, for five of source documents. What is let go stays
    `grace_days` longer."""

    all_days: Annotated[float, Field(ge=1, le=36_500)] = 14
    daily_years: Annotated[float, Field(ge=0, le=100)] = 3
    monthly_years: Annotated[float, Field(ge=0, le=100)] = 5
    grace_days: Annotated[float, Field(ge=1, le=365)] = 7


class Storage(Section):
    """Where the backups of tills lie. `folder`: in `backup_dir`. `s3`: in a bucket that is there already, at `url`, for
    `access_key`; the secret key is one line in `secret_file`, or in the environment as PLOMBA_STORAGE_SECRET. `prefix`:
    in a folder of the bucket. `ca_file`: the authority of the store's certificate, where no public one signed it.
    `direct`: tills whose own file names the store may put packs straight into it, at `tills_url` where that is another
    address; what they are given for that is good for `address_s`."""

    kind: Literal["folder", "s3"] = "folder"
    url: Annotated[str, Field(pattern=r"^(https?://[^/\s?#@]+)?$")] = ""
    bucket: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")] = ""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,79}/)*$")] = ""
    access_key: str = ""
    secret_file: Path = Path("storage.secret")
    ca_file: Path | None = None
    direct: bool = True
    tills_url: Annotated[str, Field(pattern=r"^(https://[^/\s?#@]+)?$")] = ""
    address_s: Annotated[int, Field(ge=30, le=3600)] = 300

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "folder":
            return self
        missing = [name for name in ("url", "bucket", "access_key") if not getattr(self, name)]
        if missing:
            raise ValueError(f'kind = "s3" needs {", ".join(missing)}, too')
        if self.url.startswith("http://") and urlsplit(self.url).hostname not in LOOPBACK:
            raise ValueError("url must begin with https://; http:// goes with a store on this machine only")
        return self


class Law(Section):
    """`regime`: whose law says which backup sets are needed; `file`: a regime of your own instead. `storage_country`:
    in which country the storage lies, "LV"; where it is named, sets that may not lie there are refused."""

    regime: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "lv"
    file: Path | None = None
    storage_country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""


class Drills(Section):
    """Weekly restores of what lies here. `key_file` holds the secret half of the verify key, made by `plomba-collector
    verify-key`; without it none can be made here. `agent`: the program that restores; empty: plomba-agent beside this
    one. `scratch_dir` needs room for the largest database twice. A drill that takes longer than `limit_minutes`, or
    more than `memory_mib` in one of its processes, proves nothing. A proof older than `overdue_days` is an incident."""

    key_file: Path = Path("verify.key")
    scratch_dir: Path = Path("drills")
    agent: str = ""
    every_days: Annotated[float, Field(ge=1, le=31)] = 7
    overdue_days: Annotated[float, Field(ge=1, le=366)] = 8
    limit_minutes: Annotated[float, Field(ge=1, le=1440)] = 120
    memory_mib: Annotated[int, Field(ge=256, le=1_048_576)] = 2048


class Mail(Section):
    """Without `host` no mail is sent. `security = "none"` is for a server on this machine only. `ca_file`: an authority
    of your own that signed the server's certificate. `password_file` holds one line."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: Path = Path("mail.password")
    sender: Annotated[str, Field(pattern=r"^(.+@.+)?$")] = ""
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.host and not self.sender:
            raise ValueError("sender is missing: the address that mail comes from")
        if self.host and self.security == "none" and self.host not in LOOPBACK:
            raise ValueError('security = "none" goes with a server on this machine only')
        return self


class Sms(Section):
    """`gateway`: a file with a request template, or the name of one that is shipped; empty: no SMS. `sender`: as the
    gateway wants it. `secret_file` holds one line."""

    gateway: str = ""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = ""
    user: str = ""
    sender: str = ""
    secret_file: Path = Path("sms.secret")
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20


class Notify(Section):
    """What begins within `group_s` is told in one message; of more than `most` messages to one address within `most_s`
    the rest waits for one summary. `allow`: addresses or networks of this house that web hooks and gateways may
    be at ("10.1.2.3", "10.0.0.0/8"); none else of private networks is ever called. `ca_file`: one more authority
    for them."""

    group_s: Seconds = 30
    most: Annotated[int, Field(ge=1, le=1000)] = 6
    most_s: Annotated[float, Field(ge=1, le=86_400)] = 600
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 730
    allow: tuple[IPvAnyNetwork, ...] = ()
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 15
    push_key_file: Path = Path("push.key")
    push_contact: Annotated[str, Field(pattern=r"^(mailto:.+@.+|https://.+)?$")] = ""


class Mailbox(Section):
    """Where mail to the service company lies, by IMAP; without `host` none is fetched. `address`: what customers write
    to; `tagged`: the server delivers address+tag to it, too, so that an answer finds its request even where the
    subject was changed. `hourly`: of one sender no more mails an hour open or answer anything. What could not be taken
    in stays in the mailbox."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 993
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""
    password_file: Path = Path("mailbox.password")
    folder: str = "INBOX"
    address: Annotated[str, Field(pattern=r"^(.+@.+)?$")] = ""
    tagged: bool = False
    ca_file: Path | None = None
    every_s: Annotated[float, Field(ge=1, le=3600)] = 30
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 30
    hourly: Annotated[int, Field(ge=1, le=10_000)] = 20
    most_mb: Annotated[int, Field(ge=1, le=100)] = 30

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.host and not (self.user and self.address):
            raise ValueError("user and address are missing: who signs in, and what customers write to")
        if self.host and self.security == "none" and self.host not in LOOPBACK:
            raise ValueError('security = "none" goes with a server on this machine only')
        return self


class Config(Section):
    """`database`: empty for SQLite in the home folder, else a postgresql:// address. Paths are relative to
    the home."""

    home: Path
    database: Annotated[str, Field(pattern=r"^(postgres(ql)?://.+)?$")] = ""
    time_zone: str = "Europe/Riga"
    silent_after_s: Annotated[float, Field(ge=5, le=604_800)] = 300
    backup_dir: Path = Path("backups")
    secret_key_file: Path = Path("secret.key")
    tls_dir: Path = Path("tls")
    server: Server = Server()
    hold_s: Hold = Hold()
    identity: Identity = Identity()
    mail: Mail = Mail()
    mailbox: Mailbox = Mailbox()
    sms: Sms = Sms()
    notify: Notify = Notify()
    retention: Retention = Retention()
    drills: Drills = Drills()
    storage: Storage = Storage()
    law: Law = Law()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("not a time zone of the IANA list, such as Europe/Riga")
        return value

    @property
    def public_url(self) -> str:
        scheme = "https" if self.server.tls else "http"
        return self.server.public_url or f"{scheme}://{self.server.host}:{self.server.port}"

    @property
    def sqlite_file(self) -> Path:
        return self.home / "collector.sqlite3"

    def path(self, path: Path) -> Path:
        return self.home / path


def find(environ: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """The home folder and the configuration file that the environment names."""
    home = Path(environ.get(HOME_VARIABLE) or DEFAULT_HOME)
    file = environ.get(FILE_VARIABLE)
    return home, Path(file) if file else home / FILE_NAME


def load(home: Path, file: Path) -> Config:
    """ConfigError names the file, the key and what is allowed. A file that is not there means all
    defaults."""
    document = _read(file) if file.exists() else {}
    document.setdefault("home", str(home))
    try:
        return Config.model_validate(document)
    except ValidationError as e:
        raise _first(e, file) from e


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(str(file), "(file)", f"is not TOML: {e}") from e
    except OSError as e:
        raise ConfigError(str(file), "(file)", f"cannot be read: {e.strerror}") from e


def _first(failure: ValidationError, file: Path) -> ConfigError:
    error = failure.errors()[0]
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return ConfigError(str(file), key, error["msg"])
    known = _known([str(part) for part in error["loc"][:-1]])
    near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1, cutoff=0.5)
    hint = f"is not known; did you mean {near[0]}?" if near else "is not known"
    return ConfigError(str(file), key, hint, "" if near else ", ".join(known))


def _known(sections: list[str]) -> list[str]:
    model: type[BaseModel] = Config
    for name in sections:
        annotation = model.model_fields[name].annotation
        assert isinstance(annotation, type)  # noqa: S101 - only sections nest
        model = annotation
    return [name for name in model.model_fields if name != "home"]
