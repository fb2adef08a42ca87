"""People and what they may do."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from collector.core import calendar_models  # noqa: F401 - Django looks for models here


class Role(models.TextChoices):
    """`manager` may do all; `technician` works incidents; `reader` looks. `customer` is a contact of one customer,
    who sees the portal and nothing else."""

    MANAGER = "manager"
    TECHNICIAN = "technician"
    READER = "reader"
    CUSTOMER = "customer"


STAFF = (Role.MANAGER, Role.TECHNICIAN, Role.READER)


class Language(models.TextChoices):
    LV = "lv", "Latviešu"
    EN = "en", "English"
    RU = "ru", "Русский"


class User(AbstractUser):
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.READER)
    language = models.CharField(max_length=5, choices=Language.choices, default=Language.LV)

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    @property
    def is_of_staff(self) -> bool:
        """Works for the service company, and so may see every customer."""
        return self.role in STAFF

    @property
    def may_work(self) -> bool:
        """May change incidents."""
        return self.role in (Role.MANAGER, Role.TECHNICIAN)

    @property
    def may_manage(self) -> bool:
        """May change the inventory, people and enrolment codes."""
        return self.role == Role.MANAGER
