"""The words for channels, messages and what became of them. Decides nothing."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from collector.web.words import UNKNOWN, Sign
from protocols.errors import PlombaError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

CHANNELS: dict[str, Sign] = {
    "email": Sign("contact", "mail", _("E-mail")),
    "sms": Sign("contact", "message", _("SMS")),
    "webhook": Sign("contact", "webhook", _("Web hook")),
    "push": Sign("contact", "device-desktop", _("Browser")),
}
STATUSES: dict[str, Sign] = {
    "waiting": Sign("suppressed", "clock", pgettext_lazy("message", "Waits")),
    "claimed": Sign("suppressed", "send", pgettext_lazy("message", "Being sent")),
    "sending": Sign("suppressed", "send", pgettext_lazy("message", "Being sent")),
    "sent": Sign("ok", "check", pgettext_lazy("message", "Sent")),
    "failed": Sign("fault", "alert-octagon", pgettext_lazy("message", "Not delivered")),
}
SHOWS = (
    ("all", _("All")),
    ("waiting", pgettext_lazy("messages", "Waiting")),
    ("failed", _("Not delivered")),
    ("sent", pgettext_lazy("messages", "Sent")),
)
PRESETS: "dict[str, Lazy]" = {
    "always": _("At any time"),
    "work": _("Working days 8 to 18"),
    "rest": _("Nights and weekends"),
    "own": _("My own hours"),
}
DAYS: "dict[str, Lazy]" = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}
ERRORS: "dict[str, Lazy]" = {
    "mail.not_configured": _("No mail server is configured. A manager names one in collector.toml, [mail]."),
    "mail.unreachable": _("The mail server does not answer. Plomba goes on trying."),
    "mail.certificate": _("The mail server's certificate is not trusted. Nothing was sent."),
    "mail.sign_in": _("The mail server refuses Plomba's user or password."),
    "mail.address": _("There is no such mailbox."),
    "mail.refused": _("The mail server refused this message."),
    "sms.not_configured": _("No SMS gateway is configured. A manager names one in collector.toml, [sms]."),
    "sms.configuration": _("The SMS gateway's file is wrong."),
    "sms.number": _("There is no such telephone number."),
    "sms.refused": _("The SMS gateway refused this message."),
    "http.unreachable": _("The other side does not answer. Plomba goes on trying."),
    "http.no_answer": _("The other side took the request and gave no answer. It may have arrived."),
    "http.certificate": _("The other side's certificate is not trusted. Nothing was sent."),
    "http.private_address": _(
        "The address lies in a private network. A manager allows it in collector.toml, [notify]."
    ),
    "http.gone": _("The address is gone."),
    "http.busy": _("The other side is busy. Plomba goes on trying."),
    "http.refused": _("The other side refused this message."),
    "notify.bad_address": _("This address was refused before, so nothing was sent."),
    "notify.late": _("It could not go in time, and later it is of no use."),
    "notify.removed": _("The address was taken off the list before the message could go."),
}


def channel(name: str) -> Sign:
    return CHANNELS.get(name, UNKNOWN)


def status(name: str) -> Sign:
    return STATUSES.get(name, UNKNOWN)


def error(code: str) -> "Lazy | str":
    """In plain words; "" for a code that has none, for which the technical words must do."""
    return ERRORS.get(code, "")


def refusal(e: PlombaError) -> str:
    said = {
        "notify.not_allowed": gettext("Only a manager may have messages sent to a web hook."),
        "notify.have_it": gettext("This address is on your list already."),
        "notify.unknown": gettext("This is not on your list any more. Here is how it is now."),
        "notify.hours": gettext("The hours are not whole: each day needs both times, or none."),
        "notify.too_many": gettext("That is the most there can be. Take one away first."),
    }
    return said.get(e.code, str(e))


def notice_refusal(e: PlombaError) -> str:
    said = {
        "notice.not_allowed": gettext(
            "Your role does not allow this. A manager publishes and withdraws notices."
        ),
        "notice.empty": gettext(
            "A title and a text are needed, in one language at least; a list needs names or a scan."
        ),
        "notice.published": gettext("There is no draft to publish. Change the text first."),
        "notice.withdrawn": gettext("It is withdrawn. Bring it back first."),
        "notice.too_long": gettext(
            "It is too long: at most 200 letters for a title, 200 names and 8 MB for a list."
        ),
        "notice.scan": gettext("The scan is no PDF, PNG or JPEG file."),
    }
    return said.get(e.code, str(e))
