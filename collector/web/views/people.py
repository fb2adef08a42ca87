"""Who may sign in, thin: a manager adds people, gives roles, shuts accounts."""

from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from collector.core.models import Language, Role, User
from collector.web import access, words

if TYPE_CHECKING:
    _PersonForm = forms.ModelForm[User]
else:
    _PersonForm = forms.ModelForm


class NewPerson(_PersonForm):
    password = forms.CharField(widget=forms.PasswordInput, label=gettext_lazy("Password"))

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "role", "language")

    def clean(self) -> dict[str, object]:
        cleaned = cast(dict[str, object], super().clean())
        if password := cleaned.get("password"):
            names = {name: cleaned.get(name, "") for name in ("username", "first_name", "last_name")}
            self._check_password(str(password), User(**names))
        return cleaned

    def _check_password(self, password: str, person: User) -> None:
        try:
            validate_password(password, person)
        except forms.ValidationError as e:
            self.add_error("password", e)

    def save(self, commit: bool = True) -> User:
        person = super().save(commit=False)
        person.set_password(self.cleaned_data["password"])
        if commit:
            person.save()
        return person


@access.managers
def people(request: HttpRequest) -> HttpResponseBase:
    form = NewPerson(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = form.save()
        messages.success(request, _("%(name)s can sign in now.") % {"name": person.get_username()})
        return redirect("web:people")
    context = {
        "form": form,
        "people": User.objects.order_by("-is_active", "username"),
        "roles": words.ROLES.items(),
        "role_values": Role.values,
        "languages_known": Language.choices,
    }
    return render(request, "web/people.html", context, status=422 if form.errors else 200)


@require_POST
@access.managers
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Another role, or the account shut or opened. Never one's own: the last manager cannot get lost."""
    person = get_object_or_404(User, pk=pk)
    if person == request.user:
        messages.error(request, _("You cannot change your own role or account. Ask another manager."))
        return redirect("web:people")
    role = request.POST.get("role", person.role)
    person.role = role if role in Role.values else person.role
    person.is_active = request.POST.get("active", "1" if person.is_active else "0") == "1"
    person.save(update_fields=["role", "is_active"])
    messages.success(request, _("%(name)s: saved.") % {"name": person.get_username()})
    return redirect("web:people")
