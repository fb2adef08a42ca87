"""Publishes a notice, gives it to its contacts, reminds them until all have confirmed, and records that they did."""

import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from collector.core import clock
from collector.core.models import User
from collector.inventory.models import ContactPerson
from collector.notices import audience, evidence
from collector.notices.models import How, Kind, Notice, Reading, Version
from collector.notify.outbox import Channel, Letter, put
from protocols.errors import PlombaError

BATCH = 200
LOOK_S = 300.0
LANGUAGES = ("lv", "en", "ru")
TITLE_MAX = 200
TEXT_MAX = 50_000


class NoticeRefused(PlombaError):
    """`notice.not_allowed`, `notice.empty`, `notice.published` (nothing to publish), `notice.withdrawn`,
    `notice.unknown`, `notice.too_long`."""

    code = "notice.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Everything of a notice but its texts. The audience counts at once, also for what is published: who is added gets
    it, who is left out keeps what was given."""

    kind: str
    customers: tuple[int, ...] = ()
    device_models: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    confirm: bool = True
    acknowledge: bool = False
    remind_days: int = 3
    confirm_by: date | None = None


def save(
    notice: Notice | None, texts: Mapping[str, Mapping[str, str]], shape: Shape, by: User, now: datetime
) -> Notice:
    """A new notice, or other contents of one: changed texts are its draft. All or nothing."""
    with transaction.atomic():
        kept = notice or Notice(made_at=now, by=by)
        kept.kind, kept.confirm, kept.acknowledge = shape.kind, shape.confirm, shape.acknowledge
        kept.device_models, kept.contracts = list(shape.device_models), list(shape.contracts)
        kept.remind_days = shape.remind_days
        kept.save()
        kept.customers.set(shape.customers)
        newest = kept.versions.order_by("-number").first()
        same = newest and newest.texts == _checked(texts) and newest.confirm_by == shape.confirm_by
        if not same:
            draft = write(kept, texts, by, now)
            draft.confirm_by = shape.confirm_by
            draft.save(update_fields=["confirm_by"])
        elif not by.may_work:
            raise NoticeRefused("only technicians and managers write notices", code="notice.not_allowed")
    return kept


def write(notice: Notice, texts: Mapping[str, Mapping[str, str]], by: User, now: datetime) -> Version:
    """The texts of the draft; a new draft where the newest version is published."""
    if not by.may_work:
        raise NoticeRefused("only technicians and managers write notices", code="notice.not_allowed")
    plain = _checked(texts)
    with transaction.atomic():
        Notice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
        draft = notice.versions.filter(published_at=None).first()
        if draft is None:
            newest = notice.versions.order_by("-number").values_list("number", flat=True).first() or 0
            draft = Version(notice=notice, number=newest + 1)
        draft.texts, draft.changed_at, draft.changed_by = plain, now, by
        draft.save()
    return draft


def publish(notice: Notice, by: User, now: datetime) -> Version:
    """From now on the draft is what counts, and its text is for ever. All its readers get it; those who have not
    confirmed an older version are not reminded of that any more."""
    if not by.may_manage:
        raise NoticeRefused("only a manager publishes notices", code="notice.not_allowed")
    with transaction.atomic():
        kept = Notice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
        if kept.withdrawn_at:
            raise NoticeRefused("it is withdrawn", code="notice.withdrawn")
        draft = kept.versions.filter(published_at=None).first()
        if draft is None:
            raise NoticeRefused("there is no draft to publish", code="notice.published")
        draft.published_at, draft.published_by = now, by
        draft.digest = evidence.digest_of(draft.texts)
        draft.save()
        Reading.objects.filter(version__notice=kept).exclude(version=draft).update(remind_at=None)
        kept.current = draft
        kept.save(update_fields=["current"])
        notice.current = draft
        _give_all(draft, now)
    return draft


def withdraw(notice: Notice, by: User, now: datetime) -> None:
    """It counts no more; nobody is reminded. What was published and confirmed stays."""
    if not by.may_manage:
        raise NoticeRefused("only a manager withdraws notices", code="notice.not_allowed")
    with transaction.atomic():
        Notice.objects.filter(pk=notice.pk, withdrawn_at=None).update(withdrawn_at=now)
        Reading.objects.filter(version__notice=notice).update(remind_at=None)


def restore(notice: Notice, by: User, now: datetime) -> None:
    """Undo of `withdraw`: reminders go on from now."""
    if not by.may_manage:
        raise NoticeRefused("only a manager brings notices back", code="notice.not_allowed")
    with transaction.atomic():
        kept = Notice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
        kept.withdrawn_at = None
        kept.save(update_fields=["withdrawn_at"])
        open_ones = Reading.objects.filter(version=kept.current, confirmed_at=None)
        if kept.confirm:
            open_ones.update(remind_at=now + timedelta(days=kept.remind_days))


def confirm(contact: ContactPerson, version: int, now: datetime, how: How = How.PORTAL) -> Reading:
    """The contact says to have read it. Once and for all: a second time changes nothing. NoticeRefused where it was not
    given to this contact."""
    with transaction.atomic():
        rows = Reading.objects.select_for_update(of=("self",)).filter(version=version, contact=contact)
        reading = rows.first()
        if reading is None:
            raise NoticeRefused("this notice was not given to you", code="notice.unknown")
        if reading.confirmed_at is None:
            reading.confirmed_at, reading.how, reading.remind_at = now, how, None
            reading.save(update_fields=["confirmed_at", "how", "remind_at"])
    return reading


def remind_due(now: datetime) -> int:
    """A duty: one more mail to those who have not confirmed. How many."""
    due = Reading.objects.filter(remind_at__lte=now, confirmed_at=None).order_by("remind_at", "pk")
    return sum(_remind(pk, now) for pk in due.values_list("pk", flat=True)[:BATCH])


def give_newcomers(now: datetime) -> int:
    """Guidelines that hold, to contacts who came after they were published. How many."""
    current = Notice.objects.filter(kind=Kind.GUIDELINE, withdrawn_at=None, current__isnull=False)
    return sum(
        _give_all(notice.current, now) for notice in current.select_related("current") if notice.current
    )


def token(reading: Reading) -> str:
    """In the link of the mail: who has it may confirm for this contact, this version, and nothing else."""
    return f"{reading.version_id}.{reading.contact_id}.{_signature(reading.version_id, reading.contact_id)}"


def reading_of(said: str) -> Reading | None:
    """The reading that a link names with the right signature, of a contact who is still one."""
    parts = said.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts[:2]):
        return None
    version, contact = int(parts[0]), int(parts[1])
    if not hmac.compare_digest(_signature(version, contact).encode(), parts[2].encode()):
        return None
    rows = Reading.objects.filter(version=version, contact=contact, contact__retired_at=None)
    return rows.select_related("version__notice", "contact__customer").first()


def text_for(version: Version, language: str) -> tuple[str, Mapping[str, str]]:
    """In the reader's language, or in the first that there is; which one it is."""
    order = [language, *LANGUAGES]
    found = next(name for name in order if name in version.texts)
    return found, version.texts[found]


def _give_all(version: Version, now: datetime) -> int:
    given = set(version.readings.values_list("contact_id", flat=True))
    people = audience.contacts_of(version.notice, now).exclude(pk__in=given)
    return sum(_give(version, contact, now) for contact in people)


def _give(version: Version, contact: ContactPerson, now: datetime) -> bool:
    notice = version.notice
    remind_at = now + timedelta(days=notice.remind_days) if notice.confirm else None
    language, _text = text_for(version, contact.language)
    reading, new = Reading.objects.get_or_create(
        version=version,
        contact=contact,
        defaults={"language": language, "email": contact.email, "given_at": now, "remind_at": remind_at},
    )
    if new and contact.email:
        put(_letter(reading, reminder=0), now)
    return new


def _remind(pk: int, now: datetime) -> bool:
    """In a transaction of its own, on a locked row: two workers remind once."""
    with transaction.atomic():
        rows = Reading.objects.select_for_update(of=("self",), skip_locked=True)
        reading = rows.filter(pk=pk, remind_at__lte=now, confirmed_at=None).first()
        if reading is None:
            return False
        if reading.contact.retired_at or not reading.contact.takes_notices:
            reading.remind_at = None
            reading.save(update_fields=["remind_at"])
            return False
        reading.reminders += 1
        reading.remind_at = now + timedelta(days=max(reading.version.notice.remind_days, 1))
        reading.email = reading.contact.email
        reading.save(update_fields=["reminders", "remind_at", "email"])
        if reading.email:
            put(_letter(reading, reminder=reading.reminders), now)
        return True


def _letter(reading: Reading, reminder: int) -> Letter:
    version, notice = reading.version, reading.version.notice
    said = _words()[reading.language]
    text = version.texts[reading.language]
    link = f"{settings.CONFIG.public_url}/n/{token(reading)}"
    lines = [said["greeting"].format(name=reading.contact.name), ""]
    lines += [said["reminder"], ""] if reminder else []
    lines += [text["title"], "", text["text"].strip(), ""]
    if notice.confirm and version.confirm_by:
        lines.append(said["until"].format(day=_day(version, reading.language)))
    lines.append(said["confirm" if notice.confirm else "read"].format(link=link))
    if notice.acknowledge:
        lines.append(said["sheet"].format(link=f"{link}/lists"))
    lines += ["", said["number"].format(number=version.number, digest=version.digest)]
    subject = said["reminder_subject"].format(title=text["title"]) if reminder else text["title"]
    first = f"notice:{version.pk}:{reading.contact_id}:0"
    return Letter(
        channel=Channel.EMAIL,
        address=reading.email,
        language=reading.language,
        subject=subject,
        text="\n".join(lines) + "\n",
        key=f"notice:{version.pk}:{reading.contact_id}:{reminder}",
        thread=first,
        about=f"notice:{version.pk}",
    )


def _day(version: Version, language: str) -> str:
    assert version.confirm_by is not None  # noqa: S101 - asked before
    return version.confirm_by.strftime("%Y-%m-%d" if language == "en" else "%d.%m.%Y")


def _signature(version: int, contact: int) -> str:
    return salted_hmac("plomba notice", f"{version}/{contact}", algorithm="sha256").hexdigest()[:40]


def _checked(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """A language counts where it has both parts."""
    found: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        given = texts.get(language, {})
        title, text = given.get("title", "").strip(), given.get("text", "").replace("\r\n", "\n").strip()
        if bool(title) != bool(text):
            raise NoticeRefused(
                f"{language}: a title without a text, or the other way round", code="notice.empty"
            )
        if len(title) > TITLE_MAX or len(text) > TEXT_MAX:
            raise NoticeRefused(f"{language}: the title or the text is too long", code="notice.too_long")
        if title:
            found[language] = {"title": title, "text": text}
    if not found:
        raise NoticeRefused("write it in one language at least", code="notice.empty")
    return found


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("collector.notices").joinpath("words.toml").read_text("utf-8"))


class Newcomers:
    """A duty that looks every five minutes only."""

    __name__ = "notices to newcomers"

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, now: datetime) -> int:
        if clock.monotonic() < self._next:
            return 0
        self._next = clock.monotonic() + LOOK_S
        return give_newcomers(now)
