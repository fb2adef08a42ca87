"""`plomba-collector`. Finds the home folder first, because everything else, Django included, is read from it.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused, 75 try again later."""

import argparse
import getpass
import json
import logging
import os
import secrets
import signal
import sys
from datetime import timedelta
from pathlib import Path
from socket import SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, getaddrinfo, socket
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

from collector.backups import command as hold_command
from collector.backups import drilling_command
from collector.core import authority, clock, config, home
from collector.core.stopping import stop_on_signal
from collector.jobs import command as job_command
from collector.jobs import package_command
from collector.knowledge import command as knowledge_command
from protocols.errors import ConfigError, PlombaError

if TYPE_CHECKING:
    from collector.core.models import User

DONE, FAILED, USAGE, REFUSED, LATER = 0, 1, 2, 3, 75
MOST_MINUTES = 30 * 24 * 60
MOST_LETTERS = 200
ROLES = ("manager", "technician", "reader")


class CannotBe(PlombaError):
    """What was asked for cannot be done like this; the text says why."""

    code = "command.refused"


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    os.umask(0o077)
    if arguments.home:
        os.environ[config.HOME_VARIABLE] = str(Path(arguments.home).absolute())
    os.environ.setdefault(config.HOME_VARIABLE, str(config.DEFAULT_HOME))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collector.settings")
    try:
        if arguments.command != "init" and not getattr(arguments, "offline", False):
            _start_django()
        code: int = arguments.do(arguments)
    except ConfigError as e:
        print(e, file=sys.stderr)
        return USAGE
    except PlombaError as e:
        print(e, file=sys.stderr)
        return LATER if e.retriable else REFUSED
    except KeyboardInterrupt:
        return FAILED
    except OSError as e:
        print(f"{e.filename or 'plomba-collector'}: {e.strerror or e}", file=sys.stderr)
        return FAILED
    return code


def _start_django() -> None:
    folder, file = config.find()
    if not config.load(folder, file).home.is_dir():
        raise ConfigError(str(folder), "home", "is not there; run plomba-collector init first")
    import django  # noqa: PLC0415 - its settings are read from the home folder

    django.setup()


def _init(arguments: argparse.Namespace) -> int:
    folder, file = config.find()
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    made = {"home": str(folder), "config": str(file)}
    if not file.exists():
        url = arguments.public_url or f"https://{arguments.host}:{arguments.port}"
        home.write_config(file, arguments.host, arguments.port, url)
    settings = config.load(folder, file)
    home.make_secret_key(settings)
    home.make_authority(settings, clock.now())
    home.make_certificate(settings, clock.now())
    _start_django()
    _migrate_now()
    made |= {
        "url": settings.public_url,
        "authority": str(folder / home.CA_COPY),
        "fingerprint": _fingerprint(),
    }
    made |= _first_manager(arguments)
    _say(made, arguments.json)
    return DONE


def _first_manager(arguments: argparse.Namespace) -> dict[str, str]:
    """Only where there is nobody yet. A password that nobody gave is made and shown this once."""
    from collector.core.models import Role, User  # noqa: PLC0415 - after setup

    if arguments.no_manager or User.objects.exists():
        return {}
    password = sys.stdin.readline().rstrip("\n") if arguments.password_stdin else secrets.token_urlsafe(12)
    user = User(username=arguments.manager, role=Role.MANAGER, language="lv")
    _set_password(user, password)
    shown = {} if arguments.password_stdin else {"password": password}
    return {"manager": arguments.manager, **shown}


def _serve(arguments: argparse.Namespace) -> int:
    from django.conf import settings  # noqa: PLC0415 - after setup

    from collector.backups import storage  # noqa: PLC0415
    from collector.core.doctor import pending_migrations  # noqa: PLC0415

    given: config.Config = settings.CONFIG
    storage.of(given)  # what is wrong with its secret is told now, not to the first till
    if pending_migrations():
        raise CannotBe("the database is of an older version; run plomba-collector migrate first")
    home.make_certificate(given, clock.now())
    host, port = arguments.host or given.server.host, arguments.port or given.server.port
    _try_address(given, host, port)
    return _run_server(given, host, port)


def _try_address(given: config.Config, host: str, port: int) -> None:
    """So that a taken port is one line for a person. ConfigError."""
    try:
        family, kind, _, _, address = getaddrinfo(host, port, type=SOCK_STREAM)[0]
        with socket(family, kind) as probe:
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as e:
        problem = f"{host}:{port} cannot be used ({e.strerror}); stop what uses it, or choose another port"
        raise ConfigError(str(given.home / config.FILE_NAME), "server.port", problem) from e


def _run_server(given: config.Config, host: str, port: int) -> int:
    import uvicorn  # noqa: PLC0415 - only this command needs it

    from collector.core import live  # noqa: PLC0415

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            live.close()
            super().handle_exit(sig, frame)

        async def startup(self, sockets: list[socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"Plomba collector answers at {given.public_url}", flush=True)

    tls = given.path(given.tls_dir)
    server = Server(
        uvicorn.Config(
            "collector.asgi:app",
            host=host,
            port=port,
            loop="auto",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            log_config=None,
            proxy_headers=not given.server.tls,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
            ssl_certfile=str(tls / authority.SERVER_CERT) if given.server.tls else None,
            ssl_keyfile=str(tls / authority.SERVER_KEY) if given.server.tls else None,
        )
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for sign in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it again after its graceful stop
        signal.signal(sign, lambda *_: sys.exit(DONE))
    server.run()
    return DONE if server.started else FAILED


def _worker(_arguments: argparse.Namespace) -> int:
    from collector.core.ticker import Ticker, stop_all  # noqa: PLC0415 - after setup
    from collector.ingest.running import DUTIES, couriers  # noqa: PLC0415

    stop = Event()
    stop_on_signal(stop)
    tickers = [Ticker(DUTIES), *couriers()]
    for ticker in tickers:
        ticker.start()
    print("Plomba worker runs", flush=True)
    while not clock.wait(stop, 3600):
        continue
    stop_all(tickers)
    return DONE


def _import(arguments: argparse.Namespace) -> int:
    from collector.ingest.carried import take  # noqa: PLC0415 - after setup

    given = config.load(*config.find())
    try:
        content = arguments.file.read_bytes()
    except OSError as e:
        raise CannotBe(f"{arguments.file} cannot be read ({e.strerror})") from e
    taken = take(content, given.path(given.tls_dir))
    if arguments.receipt:
        receipts = [receipt.model_dump(mode="json") for receipt in taken.receipts]
        arguments.receipt.write_text(json.dumps(receipts), "utf-8")
    told = {"terminal": taken.terminal, "name": taken.name, "messages": taken.messages, "new": taken.new}
    if arguments.json:
        print(json.dumps(told))
    else:
        print(
            f"{taken.name}: {taken.messages} messages of {taken.made_at:%Y-%m-%d %H:%M}, {taken.new} of them new"
        )
    return DONE


def _user_add(arguments: argparse.Namespace) -> int:
    from collector.core.models import User  # noqa: PLC0415 - after setup

    if User.objects.filter(username=arguments.name).exists():
        raise CannotBe(f"{arguments.name} is there already; use `user password` or `user role`")
    user = User(username=arguments.name, role=arguments.role, language=arguments.language)
    _set_password(user, _password(arguments))
    print(f"{arguments.name} may sign in as {arguments.role}")
    return DONE


def _user_list(arguments: argparse.Namespace) -> int:
    from collector.core.models import User  # noqa: PLC0415 - after setup

    rows = list(User.objects.order_by("username").values("username", "role", "language", "is_active"))
    if arguments.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['username']:20} {row['role']:12} {'' if row['is_active'] else 'may not sign in'}")
    return DONE


def _user_password(arguments: argparse.Namespace) -> int:
    user = _user(arguments.name)
    _set_password(user, _password(arguments))
    print(f"the password of {arguments.name} is changed")
    return DONE


def _user_role(arguments: argparse.Namespace) -> int:
    user = _user(arguments.name)
    user.role = arguments.role
    user.save(update_fields=["role"])
    print(f"{arguments.name} is {arguments.role} now")
    return DONE


def _user(name: str) -> "User":
    from collector.core.models import User  # noqa: PLC0415 - after setup

    found = User.objects.filter(username=name).first()
    if found is None:
        raise CannotBe(f"there is no {name}; `user list` shows who is there")
    return found


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise CannotBe("there is no terminal to ask for a password; write it to --password-stdin")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise CannotBe("the two passwords differ; nothing was changed")
    return first


def _set_password(user: "User", password: str) -> None:
    from django.contrib.auth.password_validation import validate_password  # noqa: PLC0415 - after setup
    from django.core.exceptions import ValidationError  # noqa: PLC0415
    from django.utils import translation  # noqa: PLC0415

    try:
        with translation.override("en"):  # as everything else that this command says
            validate_password(password, user)
    except ValidationError as e:
        raise CannotBe(" ".join(e.messages)) from e
    user.set_password(password)
    user.save()


def _enrol_code(arguments: argparse.Namespace) -> int:
    from collector.inventory import enrolment  # noqa: PLC0415 - after setup

    site = enrolment.site_of(arguments.customer, arguments.site)
    code, secret = enrolment.make_code(
        site, arguments.terminal_name, clock.now(), timedelta(minutes=arguments.ttl)
    )
    full = f"{secret}.{_fingerprint()}"
    if arguments.json:
        print(json.dumps({"code": full, "expires_at": code.expires_at.isoformat(), "site": site.name}))
    else:
        print(full)
        print(f"for one till of {site.name}, until {code.expires_at:%Y-%m-%d %H:%M} UTC", file=sys.stderr)
    return DONE


def _migrate(_arguments: argparse.Namespace) -> int:
    _migrate_now()
    print("the database is up to date")
    return DONE


def _migrate_now() -> None:
    from collector.core.migrating import migrate  # noqa: PLC0415 - after setup
    from collector.knowledge.sync import sync  # noqa: PLC0415

    migrate()
    sync(clock.now())


def _doctor(arguments: argparse.Namespace) -> int:
    from django.conf import settings  # noqa: PLC0415 - after setup

    from collector.backups import storage  # noqa: PLC0415
    from collector.core import doctor  # noqa: PLC0415

    findings = [*doctor.examine(), *storage.examine(settings.CONFIG)]
    if arguments.json:
        rows = [{"name": f.name, "ok": f.ok, "text": f.text, "next": f.next} for f in findings]
        print(json.dumps({"ok": all(f.ok for f in findings), "findings": rows}))
    else:
        for f in findings:
            print(f"{'ok  ' if f.ok else 'BAD '} {f.name}: {f.text}{'; ' + f.next if f.next else ''}")
    return DONE if all(f.ok for f in findings) else FAILED


def _fingerprint() -> str:
    given = config.load(*config.find())
    return authority.fingerprint(authority.read_certificate(given.path(given.tls_dir) / authority.CA_CERT))


def _say(made: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(made))
        return
    for name, value in made.items():
        print(f"{name:12} {value}")
    print("next: plomba-collector serve")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give minutes from 1 to {MOST_MINUTES}")
    return int(text)


def _name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= MOST_LETTERS:
        raise argparse.ArgumentTypeError(f"a name has 1 to {MOST_LETTERS} letters")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plomba-collector", description="The collector of Plomba.")
    parser.add_argument("--home", help=f"folder of data and configuration (default: {config.DEFAULT_HOME})")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    init = _command(commands, "init", "make the home folder, keys, database and the first manager", _init)
    init.add_argument("--host", default="127.0.0.1")
    init.add_argument("--port", type=_port, default=8443)
    init.add_argument("--public-url", default="", help="what agents and browsers use")
    init.add_argument("--manager", default="manager", help="name of the first manager")
    init.add_argument("--no-manager", action="store_true")
    init.add_argument("--password-stdin", action="store_true")
    init.add_argument("--json", action="store_true")
    serve = _command(commands, "serve", "answer agents and browsers", _serve)
    serve.add_argument("--host", default="")
    serve.add_argument("--port", type=_port, default=0)
    _command(commands, "worker", "only the duties of every second", _worker)
    _user_parser(commands)
    job_command.add_parser(commands)
    package_command.add_parser(commands)
    knowledge_command.add_parser(commands)
    hold_command.add_parser(commands)
    drilling_command.add_parser(commands)
    enrol = _command(commands, "enrol-code", "a one-time code for one new terminal", _enrol_code)
    enrol.add_argument("--customer", required=True, type=_name, help="made where it is not there yet")
    enrol.add_argument("--site", required=True, type=_name, help="made where it is not there yet")
    enrol.add_argument("--terminal-name", default="")
    enrol.add_argument("--ttl", type=_minutes, default=1440, help="minutes (default: one day)")
    enrol.add_argument("--json", action="store_true")
    carried = _command(commands, "import", "take a queue that was carried here by hand", _import)
    carried.add_argument("file", type=Path, help="written by plomba-agent spool export")
    carried.add_argument("--receipt", type=Path, help="write the receipt for the till there")
    carried.add_argument("--json", action="store_true")
    _command(commands, "migrate", "bring the database up to date", _migrate)
    doctor = _command(commands, "doctor", "look whether everything is in order", _doctor)
    doctor.add_argument("--json", action="store_true")
    return parser


def _user_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    user = commands.add_parser("user", help="people who may sign in")
    acts = user.add_subparsers(dest="act", required=True, metavar="ACT")
    add = _command(acts, "add", "let somebody in", _user_add)
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="reader")
    add.add_argument("--language", choices=("lv", "en", "ru"), default="lv")
    add.add_argument("--password-stdin", action="store_true")
    _command(acts, "list", "who is there", _user_list).add_argument("--json", action="store_true")
    password = _command(acts, "password", "another password", _user_password)
    password.add_argument("name")
    password.add_argument("--password-stdin", action="store_true")
    role = _command(acts, "role", "another role", _user_role)
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, do: object
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(do=do)
    return parser


if __name__ == "__main__":
    sys.exit(main())
