"""Contact persons of customers: who may sign in to the portal, for which shops, and what they may decide."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.core.models import Language
from collector.inventory.models import ContactPerson, Customer, Site
from collector.requests import contacts as people
from collector.web import access
from collector.web.reading.page import whole


class ContactForm(forms.Form):
    """`sites` empty: all shops of the customer."""

    customer = forms.ModelChoiceField(Customer.objects.all(), label=gettext_lazy("Customer"))
    name = forms.CharField(max_length=200, label=gettext_lazy("First and last name"))
    email = forms.EmailField(required=False, label=gettext_lazy("Mail address"))
    phone = forms.CharField(max_length=40, required=False, label=gettext_lazy("Telephone"))
    language = forms.ChoiceField(choices=Language.choices, label=gettext_lazy("Language"))
    sites = forms.ModelMultipleChoiceField(Site.objects.all(), required=False, label=gettext_lazy("Shops"))
    takes_notices = forms.BooleanField(required=False, label=gettext_lazy("Gets notices"))
    confirms_eds = forms.BooleanField(required=False, label=gettext_lazy("Confirms in EDS"))
    approves_paid_work = forms.BooleanField(required=False, label=gettext_lazy("May agree to paid work"))

    def clean(self) -> dict[str, object]:
        cleaned = dict(super().clean() or {})
        customer, sites = cleaned.get("customer"), cleaned.get("sites") or ()
        if isinstance(customer, Customer) and any(site.customer_id != customer.pk for site in sites):
            self.add_error("sites", _("These are shops of another customer."))
        return cleaned


@access.signed_in
def listed(request: HttpRequest) -> HttpResponseBase:
    customer = Customer.objects.filter(pk=whole(request.GET, "customer") or 0).first()
    found = ContactPerson.objects.select_related("customer", "user").prefetch_related("sites")
    found = found.filter(customer=customer) if customer else found
    if request.method == "POST":
        return _added(request)
    context = {
        "people": found.order_by("retired_at", "customer__name", "name")[:500],
        "customer": customer,
        "customers": Customer.objects.all(),
        "form": ContactForm(initial={"customer": customer, "language": "lv", "takes_notices": True}),
        "sites": Site.objects.filter(customer=customer) if customer else [],
        "languages_known": Language.choices,
    }
    return render(request, "web/contacts.html", context)


@access.managers
def _added(request: HttpRequest) -> HttpResponseBase:
    form = ContactForm(request.POST)
    if not form.is_valid():
        return _page(request, form, None, 422)
    person = people.save(ContactPerson(), form.cleaned_data)
    messages.success(request, _("%(name)s: saved.") % {"name": person.name})
    return redirect("web:contact", person.pk)


@access.managers
def one(request: HttpRequest, pk: int) -> HttpResponseBase:
    person = get_object_or_404(ContactPerson.objects.select_related("customer", "user"), pk=pk)
    if request.method != "POST":
        initial = {name: getattr(person, name) for name in people.FIELDS} | {
            "sites": list(person.sites.all())
        }
        return _page(request, ContactForm(initial=initial), person)
    form = ContactForm(
        {**request.POST.dict(), "customer": person.customer_id, "sites": request.POST.getlist("sites")}
    )
    if not form.is_valid():
        return _page(request, form, person, 422)
    people.save(person, form.cleaned_data)
    messages.success(request, _("%(name)s: saved.") % {"name": person.name})
    return redirect("web:contact", pk)


@require_POST
@access.managers
def retire(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ends the sign-in at once, also one that is open; and back again."""
    person = get_object_or_404(ContactPerson, pk=pk)
    people.retire(person, clock.now(), retired=request.POST.get("retired") == "1")
    return redirect("web:contact", pk)


def _page(
    request: HttpRequest, form: ContactForm, person: ContactPerson | None, status: int = 200
) -> HttpResponseBase:
    context = {
        "form": form,
        "person": person,
        "customers": Customer.objects.all(),
        "sites": Site.objects.filter(customer=person.customer)
        if person
        else Site.objects.select_related("customer"),
        "chosen_sites": {str(getattr(site, "pk", site)) for site in form["sites"].value() or ()},
        "languages_known": Language.choices,
    }
    return render(request, "web/contact.html", context, status=status)
