"""What one entry of a timeline says to a person: title, what changed, note, icon and tone."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector.web import identity_words, job_words, states, words
from collector.web.reading.timeline import Entry
from protocols.status.faults import FAULTS, Severity


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    change: str
    note: str
    icon: str
    tone: str


def line(entry: Entry) -> Line:
    return _SAY[entry.kind](entry)


def _title(code: str) -> str:
    known = FAULTS.get(code)
    return known.title(get_language() or "en") if known else code


def _event(entry: Entry) -> Line:
    title = _title(entry.what)
    if entry.change == "cleared":
        return Line(title, _("is over"), entry.note, "check", "ok")
    known = FAULTS.get(entry.what)
    grave = known is None or known.severity in (Severity.ERROR, Severity.CRITICAL)
    tone, icon = ("fault", "alert-octagon") if grave else ("attention", "alert-triangle")
    return Line(title, _("began"), entry.note, icon, tone)


def _transition(entry: Entry) -> Line:
    sign = words.TRANSITIONS.get(entry.change, words.UNKNOWN)
    return Line(_title(entry.what), str(sign.word), entry.note, sign.icon, sign.tone)


def _state(entry: Entry) -> Line:
    detail = entry.detail or {}
    flags = detail.get("flags")
    parts = [
        f"{word}: {_('yes') if value else _('no')}"
        for word, value in (flags if isinstance(flags, list) else [])
    ]
    contact = words.CONTACTS.get(str(detail.get("contact") or ""))
    if contact:
        parts.insert(0, str(contact.word))
    return Line(_("State changed"), "", ", ".join(parts), "activity-heartbeat", "contact")


def _fact(entry: Entry) -> Line:
    word = states.FACTS.get(entry.what)
    detail = (entry.detail or {}).get("detail")
    note = states.fact_note(entry.what, detail) if isinstance(detail, dict) else ""
    return Line(str(word) if word else entry.what, "", entry.note or note, "info-circle", "contact")


def _identity(entry: Entry) -> Line:
    sign = identity_words.sign(entry.what)
    return Line(str(sign.word), "", identity_words.note(entry.what, entry.detail or {}), sign.icon, sign.tone)


def _hello(entry: Entry) -> Line:
    clean = (entry.detail or {}).get("clean")
    note = _("The till was not shut down cleanly before.") if clean is False else ""
    return Line(_("Agent started"), entry.what, note, "bolt", "contact")


def _configuration(entry: Entry) -> Line:
    detail = entry.detail or {}
    number, outcome = detail.get("number"), detail.get("outcome")
    if not number:
        return Line(_("The till goes by its own file"), "", "", "tool", "contact")
    version = _("version %(number)s") % {"number": number}
    if outcome == "refused":
        why = " ".join(str(part) for part in (detail.get("key"), entry.note) if part)
        return Line(_("Configuration refused"), version, why, "x", "fault")
    if outcome == "local":
        return Line(_("Configuration: the till keeps its own"), version, "", "lock", "suppressed")
    return Line(_("Configuration applied"), version, "", "tool", "ok")


def _backup(entry: Entry) -> Line:
    if entry.change == "ok":
        return Line(_("Backup made"), entry.what, "", "database", "ok")
    return Line(_("Backup failed"), entry.what, entry.note, "database", "fault")


def _drill(entry: Entry) -> Line:
    if entry.change == "ok":
        return Line(_("Backup restored and compared"), entry.what, "", "shield-check", "ok")
    return Line(_("Restore drill failed"), entry.what, entry.note, "alert-octagon", "fault")


def _job(entry: Entry) -> Line:
    told = entry.detail or {}
    known = {type_.value: word for type_, word in job_words.TYPES.items()}
    title = str(known.get(str(told.get("type")), _("A job that nobody is proven to have signed")))
    code, exit_ = str(told.get("code") or ""), told.get("exit")
    word = job_words.STATES["done" if exit_ == 0 else "failed" if exit_ == 1 else "refused"].word
    grave = ("fault", "alert-octagon") if exit_ == 1 else ("attention", "lock")
    tone, icon = ("ok", "tool") if exit_ == 0 else grave
    return Line(title, str(word), job_words.refusal(code, code) if code else "", icon, tone)


_SAY: dict[str, Callable[[Entry], Line]] = {
    "event": _event,
    "transition": _transition,
    "state": _state,
    "fact": _fact,
    "hello": _hello,
    "identity": _identity,
    "configuration": _configuration,
    "backup": _backup,
    "drill": _drill,
    "job_result": _job,
}
