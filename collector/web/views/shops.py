"""What the incident engine must know of a shop: when it is open, whose line it has, and where it is."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector.core import clock
from collector.inventory.hours import DAYS, HoursRefused, is_open, week_of
from collector.inventory.models import Site
from collector.web import access
from collector.web.views.maintenance import DAYS as DAY_WORDS

Hours = dict[str, list[list[str]]]


class ShopForm(forms.Form):
    provider = forms.CharField(label=gettext_lazy("Provider of its line"), max_length=100, required=False)
    region = forms.CharField(label=gettext_lazy("Region"), max_length=100, required=False)


def hours_of(texts: dict[str, str]) -> Hours:
    """From "09:00-22:00, …" of each day. HoursRefused says which day is wrong."""
    found: Hours = {}
    for day, text in texts.items():
        pairs = [part.strip() for part in text.replace("–", "-").split(",") if part.strip()]
        if pairs:
            found[day] = [[side.strip() for side in pair.split("-")] for pair in pairs]
    week_of(found)
    return found


def text_of(hours: Hours, day: str) -> str:
    return ", ".join("-".join(pair) for pair in hours.get(day, []))


@access.signed_in
def shops(request: HttpRequest) -> HttpResponseBase:
    now = clock.now()
    rows = [
        (site, is_open(week_of(site.hours), site.time_zone, now))
        for site in Site.objects.select_related("customer").order_by("customer__name", "name")
    ]
    return render(request, "web/shops.html", {"rows": rows})


@access.managers
def shop(request: HttpRequest, pk: int) -> HttpResponseBase:
    site = get_object_or_404(Site.objects.select_related("customer"), pk=pk)
    texts = {day: request.POST.get(day, text_of(site.hours, day)) for day in DAYS}
    form = ShopForm(request.POST or None, initial={"provider": site.provider, "region": site.region})
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            site.hours = hours_of(texts)
        except HoursRefused as e:
            problem = _("These hours are not understood: %(why)s") % {"why": e}
        else:
            site.provider = form.cleaned_data["provider"].strip()
            site.region = form.cleaned_data["region"].strip()
            site.save(update_fields=["hours", "provider", "region"])
            messages.success(request, _("%(shop)s is changed.") % {"shop": site.name})
            return redirect("web:shops")
    days = [(day, word, texts[day]) for day, (_number, word) in zip(DAYS, DAY_WORDS, strict=True)]
    known = {
        name: Site.objects.exclude(**{name: ""}).values_list(name, flat=True).distinct().order_by(name)
        for name in ("provider", "region")
    }
    context = {"site": site, "form": form, "days": days, "problem": problem, "known": known}
    return render(request, "web/shop.html", context, status=422 if problem else 200)
