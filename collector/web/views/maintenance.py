"""When a place is worked on, so that nobody is called for it: what is planned, and planning it."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory import maintenance as windows
from collector.inventory.maintenance import MaintenanceRefused, Wish
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.web import access

PAST = 20
DAYS = (
    (0, gettext_lazy("Mon")),
    (1, gettext_lazy("Tue")),
    (2, gettext_lazy("Wed")),
    (3, gettext_lazy("Thu")),
    (4, gettext_lazy("Fri")),
    (5, gettext_lazy("Sat")),
    (6, gettext_lazy("Sun")),
)
_PLACES: dict[str, type[Model]] = {"customer": Customer, "site": Site, "terminal": Terminal, "device": Device}


class WindowForm(forms.Form):
    """`place` is "site/12" and the like. Times are of the wall clock in Riga, or of the shop where one is chosen."""

    place = forms.CharField(label=gettext_lazy("Where"))
    begins = forms.DateTimeField(label=gettext_lazy("From"))
    ends = forms.DateTimeField(label=gettext_lazy("Until"))
    days = forms.TypedMultipleChoiceField(choices=DAYS, coerce=int, required=False)
    begin = forms.TimeField(label=gettext_lazy("From"), required=False)
    end = forms.TimeField(label=gettext_lazy("Until"), required=False)
    reason = forms.CharField(label=gettext_lazy("What is done there"), max_length=200)

    def clean_place(self) -> tuple[str, Any]:
        kind, _slash, pk = self.cleaned_data["place"].partition("/")
        found = _found(kind, pk)
        if found is None:
            raise forms.ValidationError(_("Choose a customer, a shop, a till or a device of the list."))
        return kind, found

    def wish(self) -> Wish:
        kind, place = self.cleaned_data["place"]
        zone = ZoneInfo(_zone(place))
        return Wish(
            begins_at=_moment(self.cleaned_data["begins"], zone),
            ends_at=_moment(self.cleaned_data["ends"], zone),
            reason=self.cleaned_data["reason"],
            days=self.cleaned_data["days"],
            begin=_clock(self.cleaned_data["begin"]),
            end=_clock(self.cleaned_data["end"]),
            **{kind: place},
        )


def _found(kind: str, pk: str) -> Model | None:
    model = _PLACES.get(kind)
    if model is None or (kind != "terminal" and not pk.isdigit()):
        return None
    return model._default_manager.filter(pk=pk).first()


def _zone(place: object) -> str:
    match place:
        case Site():
            return place.time_zone
        case Terminal():
            return place.site.time_zone
        case Device():
            return place.terminal.site.time_zone
    return "Europe/Riga"


def _moment(given: datetime, zone: ZoneInfo) -> datetime:
    """Forms read times in the server's zone; what a person wrote is of the shop's."""
    return given.replace(tzinfo=zone)


def _clock(given: time | None) -> time | None:
    return given.replace(tzinfo=None) if given else None


@access.signed_in
def maintenance(request: HttpRequest) -> HttpResponseBase:
    user, now = access.user_of(request), clock.now()
    form = WindowForm(request.POST or None, initial={"place": request.GET.get("place", "")})
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            windows.plan(form.wish(), user, now)
        except MaintenanceRefused as e:
            problem = _refusal(e)
        else:
            messages.success(request, _("It is planned. While it runs, nobody is called for that place."))
            return redirect("web:maintenance")
    context = {
        "form": form,
        "problem": problem,
        "windows": [(row, windows.window_of(row).until(now)) for row in windows.coming(now)],
        "past": windows.past(now)[:PAST],
        "days": DAYS,
        "chosen": form["place"].value() or "",
        "places": _places(),
    }
    return render(request, "web/maintenance.html", context, status=422 if problem or form.errors else 200)


def _places() -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen, by kind."""
    tills = Terminal.objects.filter(retired_at=None).select_related("site")
    devices = Device.objects.filter(retired_at=None, terminal__retired_at=None).select_related(
        "terminal__site"
    )
    return [
        (
            _("Shop"),
            [
                (f"site/{site.pk}", ", ".join(filter(None, (site.name, site.city))))
                for site in Site.objects.all()
            ],
        ),
        (_("Customer"), [(f"customer/{one.pk}", one.name) for one in Customer.objects.all()]),
        (_("Till"), [(f"terminal/{till.pk}", f"{till.name}, {till.site.name}") for till in tills]),
        (
            _("Device"),
            [(f"device/{d.pk}", f"{d.name}, {d.terminal.name}, {d.terminal.site.name}") for d in devices],
        ),
    ]


@require_POST
@access.workers
def end(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        windows.call_off(pk, access.user_of(request), clock.now())
    except MaintenanceRefused as e:
        messages.warning(request, _refusal(e))
    else:
        messages.success(request, _("It is over. What is wrong there now is told again."))
    return redirect("web:maintenance")


def _refusal(e: MaintenanceRefused) -> str:
    said = {
        "maintenance.not_allowed": _("Only technicians and managers plan maintenance."),
        "maintenance.no_end": _(
            "A window lasts a year at most. Choose an earlier end, and plan it anew then."
        ),
        "maintenance.place": _("Choose a customer, a shop, a till or a device of the list."),
        "maintenance.no_reason": _("Write in a few words what is done there."),
        "maintenance.times": _(
            "The window must end later than it begins, and later than now; one that comes again needs weekdays and"
            " both times of day."
        ),
        "maintenance.over": _("This window is over already."),
    }
    return said.get(e.code, str(e))
