"""The wished configuration of a customer, a shop or a till: write, see what it would change, save, go back."""

import hashlib

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from collector.core import clock
from collector.inventory import desired, desired_state
from collector.inventory.desired_state import Place
from collector.inventory.models import Site, Terminal
from collector.web import access
from collector.web.reading import configuration as reading

VERSIONS_SHOWN = 30
COMMENT = 300


@access.signed_in
def configuration(request: HttpRequest, level: str, pk: str) -> HttpResponseBase:
    place = reading.place_of(level, pk)
    if request.headers.get("HX-Target") == "configuration-state":
        return render(
            request, "web/_configuration_state.html", {"tills": reading.progress(place), **_at(place)}
        )
    if request.method != "POST":
        return render(
            request, "web/configuration.html", _context(request, place, **_taken_up(request, place))
        )
    if not reading.may_write(access.user_of(request), place):
        raise PermissionDenied
    return _written(request, place)


def _at(place: Place) -> dict[str, object]:
    """The place and those above it, for the way to them."""
    terminal = place if isinstance(place, Terminal) else None
    site = terminal.site if terminal else place if isinstance(place, Site) else None
    customer = site.customer if site else place
    level = desired_state.level_of(place)
    zone = site.time_zone if site else "Europe/Riga"
    return {
        "place": place, "level": level.value, "terminal": terminal, "site": site, "customer": customer, "zone": zone,
    }  # fmt: skip


def _taken_up(request: HttpRequest, place: Place) -> dict[str, object]:
    """The text to begin with: that of the newest version, or of the older one that is to be brought back."""
    found = list(desired_state.versions(place)[:1])
    newest = found[0] if found else None
    given: dict[str, object] = {"text": newest.text if newest else "", "base": newest.number if newest else 0}
    wanted = request.GET.get("version", "")
    if wanted.isdecimal() and len(wanted) < 9:
        old = get_object_or_404(desired_state.versions(place), number=int(wanted))
        given |= {"text": old.text, "brought": old.number}
        given["comment"] = _("Back to version %(number)s") % {"number": old.number}
    return given


def _context(request: HttpRequest, place: Place, **given: object) -> dict[str, object]:
    return {
        **_at(place),
        "may_write": reading.may_write(access.user_of(request), place),
        "versions": desired_state.versions(place)[:VERSIONS_SHOWN],
        "settings": reading.settings(reading.levels_of(place)),
        "tills": reading.progress(place),
        "comment_length": COMMENT,
        **given,
    }


def _written(request: HttpRequest, place: Place) -> HttpResponseBase:
    """What is saved has been shown before: a text that differs from the one that was checked is checked first."""
    text = request.POST.get("text", "").replace("\r\n", "\n")
    comment = request.POST.get("comment", "").strip()[:COMMENT]
    base = request.POST.get("base", "")
    number = int(base) if base.isdecimal() and len(base) < 9 else 0
    given: dict[str, object] = {"text": text, "comment": comment, "base": number}
    try:
        found = desired_state.preview(place, text)
        if "save" in request.POST and request.POST.get("checked") == _digest(text):
            version = desired_state.save(
                place,
                text,
                author=access.user_of(request).get_username(),
                comment=comment,
                base=number,
                now=clock.now(),
            )
            said = _("Version %(number)s is saved. The tills fetch it with their next report.")
            messages.success(request, said % {"number": version.number})
            return redirect("web:configuration", level=desired_state.level_of(place).value, pk=place.pk)
    except desired.Wrong as e:
        given["mistakes"] = [(one.key, reading.sentence(one)) for one in e.mistakes]
    except (desired_state.ChangedMeanwhile, desired_state.NothingNew) as e:
        given["refusal"] = _refusal(e.code)
    else:
        given |= {"effects": reading.effects(found), "checked": _digest(text), "is_checked": True}
    status = 422 if "mistakes" in given or "refusal" in given else 200
    return render(request, "web/configuration.html", _context(request, place, **given), status=status)


def _refusal(code: str) -> str:
    if code == desired_state.ChangedMeanwhile.code:
        return _(
            "Somebody else has saved another version meanwhile. Your text is still here: copy it, load the page"
            " anew, and put in what you want."
        )
    return _("The text is the same as that of the newest version: there is nothing to save.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
