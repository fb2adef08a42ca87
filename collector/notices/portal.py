"""What the customers' portal shows and does of notices."""

from collector.notices.giving import confirm
from collector.notices.reading import ForContact, for_contact, waiting_of

__all__ = ["ForContact", "confirm", "for_contact", "waiting_of"]
