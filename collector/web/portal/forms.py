"""What comes from a form of a request: fields of its type, and files. For the portal, the phone form and the label."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from collector.requests.catalogue import RequestType
from collector.requests.files import MOST_BYTES, MOST_FILES, File, FilesRefused

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

FAULTS: "dict[str, Lazy]" = {
    "missing": _("Fill this in."),
    "choice": _("Choose one of these."),
    "number": _("Write a whole number."),
    "date": _("Choose a date."),
    "long": _("This is too long."),
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A field as the page draws it, in the reader's language."""

    name: str
    label: str
    hint: str
    kind: str
    required: bool
    value: str
    fault: "Lazy | str"
    choices: tuple[tuple[str, str], ...]


def drawn(kind: RequestType, request: HttpRequest, faults: dict[str, str]) -> list[Drawn]:
    language = get_language()
    return [
        Drawn(
            name=f"field_{one.name}",
            label=one.label.say(language),
            hint=one.hint.say(language) if one.hint else "",
            kind=one.kind,
            required=one.required,
            value=request.POST.get(f"field_{one.name}", ""),
            fault=FAULTS.get(faults.get(one.name, ""), ""),
            choices=tuple((choice.value, choice.words.say(language)) for choice in one.choices),
        )
        for one in kind.fields
    ]


def answers(kind: RequestType, request: HttpRequest) -> dict[str, str]:
    return {one.name: request.POST.get(f"field_{one.name}", "") for one in kind.fields}


def attached(request: HttpRequest) -> tuple[File, ...]:
    """FilesRefused before anything large is read into memory."""
    given = [one for one in request.FILES.getlist("files") if not isinstance(one, list)]
    if len(given) > MOST_FILES or any((one.size or 0) > MOST_BYTES for one in given):
        raise FilesRefused(f"at most {MOST_FILES} files of {MOST_BYTES >> 20} MB")
    return tuple(File(one.name or "file", one.read()) for one in given)


def shown_answers(kind: RequestType, given: dict[str, str]) -> Iterable[tuple[str, str]]:
    language = get_language()
    return [
        (one.label.say(language), one.shown(given[one.name], language))
        for one in kind.fields
        if one.name in given
    ]
