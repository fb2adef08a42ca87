"""The words, icons and colours of articles and trees. Decides nothing."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from collector.knowledge.checking import Wrong
from collector.knowledge.texts import Part
from collector.web.words import Sign

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

PARTS: dict[Part, Sign] = {
    Part.TEXT: Sign("contact", "book", _("Text")),
    Part.MEANING: Sign("contact", "info-circle", _("What it means")),
    Part.CASHIER: Sign("ok", "receipt", _("What the cashier can do")),
    Part.TECHNICIAN: Sign("suppressed", "tool", _("What the technician does")),
    Part.ESCALATE: Sign("attention", "phone", _("When to call for help")),
    Part.NEVER: Sign("fault", "hand-stop", _("What not to do")),
}
STATES: dict[str, Sign] = {
    "draft": Sign("attention", "pencil", pgettext_lazy("article", "Draft")),
    "published": Sign("ok", "circle-check", pgettext_lazy("article", "Published")),
    "retired": Sign("retired", "archive", pgettext_lazy("article", "Retired")),
}
AUDIENCES: dict[str, Sign] = {
    "staff": Sign("suppressed", "lock", _("For staff only")),
    "customers": Sign("contact", "users", _("For customers, too")),
}
KINDS: dict[str, Sign] = {
    "article": Sign("contact", "book", _("Article")),
    "tree": Sign("contact", "sitemap", _("Decision tree")),
}
WRONG: "dict[Wrong, Lazy]" = {
    Wrong.NO_TITLE: _("A title is missing."),
    Wrong.NOTHING_TO_READ: _("There is nothing to read yet. Write at least one part."),
    Wrong.UNKNOWN_CODE: _("There is no such fault code."),
    Wrong.DEAD_LINK: _("This link leads nowhere."),
    Wrong.TREE: _("The tree cannot be played like this."),
}
