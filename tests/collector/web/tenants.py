"""Two customers with one of everything, whose every word bears a mark, and the people who look: a mark on a page of
somebody else is a leak."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.test import Client

from collector.core.models import Role, User
from collector.incidents.models import Incident
from collector.inventory.models import ContactPerson, Customer, Device, Site, Terminal
from collector.notices import giving
from collector.reports import making
from collector.reports.gathering import month_of
from collector.requests import acts, catalogue, codes, labels, receiving
from collector.requests.files import File
from collector.requests.log import Actor
from collector.requests.models import Approval, Attachment, Mail, Request
from collector.requests.opening import Wish, open_request
from collector.service.visit_models import Visit
from tests.collector.web import world

ANSWERS = {"model": "m", "chassis": "1", "address": "a", "from": "2026-12-01"}


@dataclass
class Tenant:
    """`mark` stands in every word of the customer, `other` beside it in all that is of the second shop. A till is named
    `till` + number, and bears no other mark: its name is all that its label may show."""

    mark: str
    customer: Customer
    sites: list[Site]
    tills: list[Terminal]
    contact: ContactPerson
    limited: ContactPerson
    request: Request
    elsewhere: Request
    incident: Incident
    attachment: Attachment
    approval: Approval
    mail: Mail
    device: Device
    visit: Visit
    notice: int
    report: int
    marks: tuple[str, ...] = ()
    kept: str = ""

    @property
    def other(self) -> str:
        return f"{self.mark}2"


def tenant(mark: str) -> Tenant:
    customer = Customer.objects.create(name=f"SIA {mark}1")
    sites = [
        Site.objects.create(
            customer=customer, name=f"Veikals {mark}{n}", city=f"{mark}{n}", address=f"{mark}{n}"
        )
        for n in (1, 2)
    ]
    tills = [
        Terminal.objects.create(
            id=f"{mark.lower()}-till-{n}", site=site, name=f"till-{mark[:1]}{n}", public_key=f"{mark}{n}",
            enrolled_at=world.NOW, last_seen_at=world.NOW,
        )
        for n, site in zip((1, 2), sites, strict=True)
    ]  # fmt: skip
    devices = [world.device(till, name=f"{mark}{n}") for n, till in zip((1, 2), tills, strict=True)]
    for n, till in zip((1, 2), tills, strict=True):
        world.incident(till, reason=f"{mark}{n}")
        world.backup(till)
    contacts = [
        ContactPerson.objects.create(
            customer=customer,
            name=f"Anna {mark}1",
            email=f"anna{n}@{mark.lower()}.lv",
            approves_paid_work=True,
        )
        for n in (1, 2)
    ]
    contacts[1].sites.set(sites[:1])
    made = [_request(mark, n, contacts[0], till) for n, till in zip((1, 2), tills, strict=True)]
    letter = f"From: x@{mark.lower()}.example\nSubject: {mark}1\n\n{mark}1".encode()
    visits = [_visit(mark, n, site) for n, site in zip((1, 2), sites, strict=True)]
    return Tenant(
        mark=mark, customer=customer, sites=sites, tills=tills, contact=contacts[0], limited=contacts[1],
        request=made[0], elsewhere=made[1], incident=Incident.objects.filter(terminal=tills[0])[0],
        attachment=Attachment.objects.filter(entry__request=made[0])[0],
        approval=made[0].approvals.get(), mail=receiving.receive(letter, world.NOW), device=devices[0],
        visit=visits[0], notice=_notice(mark, customer),
        report=_report(customer), marks=(mark, mark.lower(), *(till.name for till in tills)),
    )  # fmt: skip


def _request(mark: str, n: int, contact: ContactPerson, till: Terminal) -> Request:
    """With a file, a question, a step done and a word of the staff."""
    wish = Wish(
        type=catalogue.types()["registration"], customer=contact.customer, terminal=till, contact=contact,
        source="portal", title=f"{mark}{n}", text=f"{mark}{n}", answers=ANSWERS | {"model": f"{mark}{n}"},
    )  # fmt: skip
    attached = [File(f"{mark}{n}.txt", f"{mark}{n}".encode())]
    made = open_request(wish, Actor(contact=contact), world.NOW, attached=attached)
    by = world.person("technician")
    acts.take(made.pk, by, by, world.NOW)
    acts.do_step(made.pk, "version", Actor(by), world.NOW)
    acts.say(made.pk, by, f"{mark}{n}", world.NOW, public=True)
    acts.ask_approval(made.pk, by, f"{mark}{n}", 100, world.NOW)
    made.refresh_from_db()
    return made


def _visit(mark: str, n: int, site: Site) -> Visit:
    begins = world.NOW + timedelta(days=1)
    return Visit.objects.create(
        site=site,
        purpose=f"{mark}{n}",
        starts_at=begins,
        ends_at=begins + timedelta(hours=1),
        created_at=world.NOW,
    )


def _notice(mark: str, customer: Customer) -> int:
    """The version that was published to the contacts of the customer alone."""
    by = world.person("manager")
    texts = {"lv": {"title": f"{mark}1", "text": f"{mark}1"}}
    shape = giving.Shape(kind="news", customers=(customer.pk,))
    return giving.publish(giving.save(None, texts, shape, by, world.NOW), by, world.NOW).pk


def _report(customer: Customer) -> int:
    """Of the month that runs."""
    return making.make(customer, month_of(customer, world.NOW.year, world.NOW.month), world.NOW).pk


@dataclass(frozen=True)
class Viewer:
    """Who looks. `sees`: marks that may be on the pages; all others may not."""

    name: str
    user: User | None
    contact: ContactPerson | None = None
    session: list[str] = field(default_factory=list)

    @property
    def is_staff(self) -> bool:
        return self.user is not None and self.contact is None

    def client(self) -> Client:
        """Signed in, by the one session of this person, whatever an earlier client did with its cookies."""
        client = Client(headers={"Accept-Language": "en"})
        if self.user and not self.session:
            client.force_login(self.user)
            self.session.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
        if self.user:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.session[0]
        return client


def viewer(name: str, first: Tenant, second: Tenant) -> Viewer:
    """anonymous, customer_a, customer_b, limited (to the first shop of the first customer), reader, technician or
    manager."""
    contacts = {"customer_a": first.contact, "customer_b": second.contact, "limited": first.limited}
    if name in contacts:
        return Viewer(name, codes.account_of(contacts[name]), contacts[name])
    return Viewer(name, world.person(Role(name)) if name != "anonymous" else None)


def label_token(till: Terminal) -> str:
    return labels.address(till, world.NOW).rpartition("/")[2]
