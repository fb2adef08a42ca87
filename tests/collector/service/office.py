"""The service company of the tests: people, shops, tills with devices, incidents."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

from collector.core.models import Role, User
from collector.incidents.models import Incident, Transition
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.service.desk_models import Queue, Rota, Worker

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
_numbers = itertools.count(1)


def person(
    role: Role | str = "technician", *, skills: tuple[str, ...] = (), town: str = "", **more: object
) -> User:
    name = f"office-{role}{next(_numbers)}"
    fields: dict[str, object] = {
        "username": name,
        "role": role,
        "language": "en",
        "email": f"{name}@plomba.example",
    }
    found = User.objects.create(**{**fields, **more})
    if skills or town:
        Worker.objects.create(user=found, skills=list(skills), town=town)
    return found


def site(name: str = "Kafejnīca Centrs", city: str = "Rīga", **more: object) -> Site:
    owner, _made = Customer.objects.get_or_create(name="SIA Zaļā karote")
    return Site.objects.create(customer=owner, name=name, city=city, **more)


def till(place: Site | None = None, name: str = "Kase 1") -> Terminal:
    return Terminal.objects.create(
        site=place or site(),
        name=name,
        public_key=f"office{next(_numbers)}",
        enrolled_at=NOW,
        last_seen_at=NOW,
    )


def device(
    terminal: Terminal, model: str = "FP-700", firmware: str = "1.08", name: str = "printer"
) -> Device:
    told = {"maker": "Datecs", "model": model, "firmware": firmware}
    return Device.objects.create(terminal=terminal, name=name, identity=told, first_seen_at=NOW)


def incident(terminal: Terminal | None = None, code: str = "printer.paper_end", **more: object) -> Incident:
    where = terminal or till()
    fields: dict[str, object] = {
        "terminal": where, "site": where.site, "code": code, "subject_kind": "device", "subject_id": "printer",
        "severity": "error", "rule": "device", "since": NOW, "opened_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    found = Incident.objects.create(**{**fields, **more})
    Transition.objects.create(incident=found, kind="opened", at=NOW, recorded_at=NOW, to_state="new")
    return found


def rota(*people: User, queue: str | None = None, level: int = 1, **more: object) -> Rota:
    fields: dict[str, object] = {
        "name": "Nights",
        "starts_on": date(2026, 5, 4),
        "handover": time(9),
        "level": level,
    }
    row = Rota.objects.create(**{**fields, "queue": Queue.objects.get(pk=queue) if queue else None, **more})
    for order, one in enumerate(people):
        row.people.create(user=one, order=order)
    return row
