"""What a contact person may see. Every page and answer for a customer begins with one of these."""

from django.db.models import Q, QuerySet

from collector.core.models import Role, User
from collector.inventory.models import ContactPerson, Site, Terminal
from collector.requests.models import Attachment, Request


def contact_of(user: object) -> ContactPerson | None:
    """The contact person who is signed in; None for staff, for strangers, and for who was retired meanwhile."""
    if not isinstance(user, User) or not user.is_active or user.role != Role.CUSTOMER:
        return None
    living = ContactPerson.objects.filter(user=user, retired_at=None)
    return living.select_related("customer").first()


def sites_of(contact: ContactPerson) -> QuerySet[Site]:
    """All of the customer, or those that the person is limited to."""
    own = Site.objects.filter(customer=contact.customer_id)
    return own.filter(contacts=contact) if contact.sites.exists() else own


def terminals_of(contact: ContactPerson) -> QuerySet[Terminal]:
    """In use, and of the person's sites."""
    return Terminal.objects.filter(site__in=sites_of(contact), retired_at=None)


def requests_of(contact: ContactPerson) -> QuerySet[Request]:
    """Of the person's sites; of the whole customer those that the person made, or all where the person is not
    limited. One that was merged leads to the other."""
    own = Request.objects.filter(customer=contact.customer_id)
    if not contact.sites.exists():
        return own
    return own.filter(Q(site__in=sites_of(contact)) | Q(site=None, contact=contact))


def attachments_of(contact: ContactPerson) -> QuerySet[Attachment]:
    """Files of public lines."""
    return Attachment.objects.filter(entry__public=True, entry__request__in=requests_of(contact))
