"""Whom a notice is for."""

from datetime import datetime

from django.db.models import Q, QuerySet

from collector.incidents.desk_models import Contract
from collector.inventory.models import ContactPerson, Customer, Device
from collector.notices.models import Notice


def contacts_of(notice: Notice, now: datetime) -> QuerySet[ContactPerson]:
    """Those who take notices, by name. Each customer once, however many reasons there are."""
    people = ContactPerson.objects.filter(takes_notices=True, retired_at=None).select_related(
        "customer", "user"
    )
    people = people.exclude(Q(email="") & Q(user=None))
    if not is_for_all(notice):
        people = people.filter(customer__in=_customers(notice, now))
    return people.order_by("customer__name", "name", "pk")


def is_for_all(notice: Notice) -> bool:
    return not (notice.device_models or notice.contracts or notice.customers.exists())


def _customers(notice: Notice, now: datetime) -> QuerySet[Customer]:
    named = Q(pk__in=notice.customers.values("pk"))
    if notice.contracts:
        named |= Q(pk__in=_of_contracts(notice.contracts, now))
    if notice.device_models:
        named |= Q(pk__in=_of_models(notice.device_models))
    return Customer.objects.filter(named)


def _of_contracts(names: list[str], now: datetime) -> set[int]:
    """By the newest version of each contract that is valid today."""
    today = now.date()
    newest: dict[str, int | None] = {}
    rows = Contract.objects.filter(Q(key__in=names) | Q(kind__in=names), customer__isnull=False)
    rows = rows.filter(Q(valid_until=None) | Q(valid_until__gte=today), valid_from__lte=today)
    for key, customer in rows.order_by("number").values_list("key", "customer_id"):
        newest[key] = customer
    return {customer for customer in newest.values() if customer}


def _of_models(names: list[str]) -> set[int]:
    wanted = Q()
    for name in names:
        wanted |= Q(identity__model__istartswith=name)
    rows = Device.objects.filter(wanted, terminal__retired_at=None)
    return set(rows.order_by().values_list("terminal__site__customer", flat=True))
