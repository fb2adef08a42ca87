"""A small world in the database: people of each role, shops, tills, devices, incidents, messages."""

import itertools
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.hashers import make_password
from django.test import Client

from collector.backups.models import Drill, Run
from collector.core import clock
from collector.core.models import Role, User
from collector.incidents.models import Incident, Transition
from collector.ingest.models import Message
from collector.inventory.models import Customer, Device, Site, Terminal

NOW = clock.now().replace(microsecond=0)
"""Of the test that runs: conftest.py sets it anew for each."""
PASSWORD = "kafija un maize"
_numbers = itertools.count(1)


def person(role: Role | str, **more: object) -> User:
    """Their password is PASSWORD; it is hashed once, because the hash is slow on purpose."""
    return User.objects.create(
        username=f"{role}{next(_numbers)}", role=role, language="en", password=_hash(), **more
    )


@cache
def _hash() -> str:
    return make_password(PASSWORD)


def signed_in(role: Role | str, *, csrf: bool = False, language: str = "en") -> Client:
    client = Client(enforce_csrf_checks=csrf, headers={"Accept-Language": language})
    client.force_login(person(role))
    return client


def site(name: str = "Kafejnīca Centrs", city: str = "Rīga", customer: str = "SIA Zaļā karote") -> Site:
    owner, _made = Customer.objects.get_or_create(name=customer)
    return Site.objects.create(customer=owner, name=name, city=city)


def till(place: Site | None = None, name: str = "Kase 1", **more: object) -> Terminal:
    fields: dict[str, object] = {"last_seen_at": NOW, "enrolled_at": NOW - timedelta(days=9), **more}
    return Terminal.objects.create(
        site=place or site(), name=name, public_key=f"key{next(_numbers)}", **fields
    )


def device(terminal: Terminal, name: str = "printer", **more: object) -> Device:
    fields: dict[str, object] = {
        "family": "escpos",
        "contact": "ok",
        "identity": {"maker": "Epson", "model": "TM-T20III", "serial": f"X{next(_numbers)}"},
        "state": {"paper_end": False, "cover_open": False, "drawer_open": False},
        "first_seen_at": NOW,
        "last_good_at": NOW,
        **more,
    }
    return Device.objects.create(terminal=terminal, name=name, **fields)


def incident(terminal: Terminal, code: str = "printer.paper_end", **more: object) -> Incident:
    fields: dict[str, object] = {
        "subject_kind": "device",
        "subject_id": "printer",
        "severity": "error",
        "rule": "device",
        "site_id": terminal.site_id,
        "since": NOW,
        "opened_at": NOW,
        "last_seen_at": NOW,
        **more,
    }
    found = Incident.objects.create(terminal=terminal, code=code, **fields)
    Transition.objects.create(incident=found, kind="opened", at=NOW, recorded_at=NOW, to_state="new")
    return found


def message(
    terminal: Terminal, kind: str, at: datetime, body: dict[str, object], subject: str = ""
) -> Message:
    return Message.objects.create(
        terminal=terminal,
        epoch=1,
        seq=next(_numbers),
        kind=kind,
        subject_kind="device" if subject else "terminal",
        subject_id=subject,
        at=at,
        received_at=at,
        body={"kind": kind, **body},
    )


def backup(
    terminal: Terminal, *, age: timedelta = timedelta(hours=3), ok: bool = True, drill: bool | None = True
) -> None:
    at = NOW - age
    common = {"terminal": terminal, "source": "pos", "started_at": at, "received_at": at, "duration_s": 4.0}
    Run.objects.create(engine="sqlite", ok=ok, source_bytes=4_000_000, stored_bytes=90_000, **common)
    if drill is not None:
        Drill.objects.create(ok=drill, error="" if drill else "rows differ", **common)


def whole_world() -> Terminal:
    """One of everything; the till that has most of it."""
    place = site()
    first, second = till(place), till(place, "Kase 2")
    silent = till(
        site("Kūriņš", "Ventspils", "SIA Jūras vējš"), "Kase 3", last_seen_at=NOW - timedelta(hours=1)
    )
    for one in (first, second, silent):
        device(one)
    incident(first)
    incident(second, "drawer.open_too_long", severity="warning", cleared_at=NOW)
    incident(silent, "agent.silent", subject_kind="terminal", subject_id="")
    incident(second, "printer.cover_open", state="resolved", resolved_at=NOW, resolution="closed")
    backup(first)
    backup(second, ok=False, drill=None)
    for minute, paper in ((9, False), (8, False), (7, True)):
        body = {"device": "printer", "contact": "ok", "state": {"paper_end": paper}}
        message(first, "state", NOW - timedelta(minutes=minute), body, "printer")
    message(first, "event", NOW, {"code": "printer.paper_end", "change": "raised"}, "printer")
    message(first, "hello", NOW - timedelta(hours=1), {"agent": "0.1.0", "clean": False})
    message(first, "sample", NOW, {"values": {"cpu_percent": 4.5}})
    return first
