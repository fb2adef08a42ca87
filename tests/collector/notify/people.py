"""People with addresses, and incidents whose turns are told to them."""

import itertools
from typing import Any

from collector.core.models import Role, User
from collector.incidents import apply
from collector.incidents.models import Incident, Kind, State
from collector.inventory.models import Site, Terminal
from collector.notify.models import Address, Channel, Outgoing, Wish
from tests.collector.still import START, StillClock

_numbers = itertools.count(1)


def person(language: str = "en", role: Role = Role.TECHNICIAN) -> User:
    return User.objects.create(username=f"person{next(_numbers)}", role=role, language=language)


def address(
    channel: Channel = Channel.EMAIL, *, whose: User | None = None, to: str = "", wishes: int = 1, **wish: Any
) -> Address:
    """With one wish for everything from `warning` on, at all times, unless `wish` says otherwise."""
    found = Address.objects.create(
        person=whose or person(),
        channel=channel,
        address=to or f"person{next(_numbers)}@example.com",
        made_at=START,
    )
    customers, sites = wish.pop("customers", ()), wish.pop("sites", ())
    for _ in range(wishes):
        made = Wish.objects.create(address=found, **{"severity": "warning", **wish})
        made.customers.set(customers)
        made.sites.set(sites)
    return found


def till(site: Site, name: str = "Kase 1") -> Terminal:
    return site.terminals.create(name=name, public_key=f"key{next(_numbers)}", enrolled_at=START)


def fault(
    terminal: Terminal | None, still: StillClock, code: str = "printer.paper_end", **more: Any
) -> Incident:
    """An incident that opens now, by the collector's own step."""
    now = still.now()
    fields: dict[str, Any] = {
        "terminal": terminal,
        "site": terminal.site if terminal else None,
        "subject_kind": "device",
        "subject_id": f"printer{next(_numbers)}",
        "code": code,
        "severity": "error",
        "rule": "device",
        "since": now,
        "opened_at": now,
        "last_seen_at": now,
        **more,
    }
    incident = Incident(**fields)
    apply.step(incident, Kind.OPENED, now, now)
    return incident


def turn(incident: Incident, kind: Kind, still: StillClock, by: User | None = None, **changed: Any) -> None:
    """The next turn of its life; `changed` are fields of the incident."""
    incident.refresh_from_db()
    for name, value in changed.items():
        if name != "state":
            setattr(incident, name, value)
    apply.step(incident, kind, still.now(), still.now(), to=changed.get("state"), by=by.pk if by else None)


def resolve(incident: Incident, still: StillClock) -> None:
    turn(incident, Kind.RESOLVED, still, state=State.RESOLVED, resolved_at=still.now())


def messages(to: Address) -> list[Outgoing]:
    return list(Outgoing.objects.filter(address=to.address).order_by("pk"))
