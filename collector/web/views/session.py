"""Signing in and out, and the language of the reader."""

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from collector.core.models import Language, User
from collector.web import access, password

LANGUAGE_AGE_S = 365 * 86_400


class SignIn(LoginView):
    template_name = "web/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        if isinstance(user, User):
            remember(response, user.language)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """422 says to programs, too, that nobody was signed in; 429 that nobody will be for a while."""
        wait_s = password.wait_s(self.request, form.data.get("username", ""))
        context = self.get_context_data(form=form, wait_minutes=-(-wait_s // 60))
        answer = self.render_to_response(context, status=429 if wait_s else 422)
        if wait_s:
            answer.headers["Retry-After"] = str(wait_s)
        return answer


class SignOut(LogoutView):
    http_method_names = ["post", "options"]
    next_page = "web:sign-in"


def remember(response: HttpResponseBase, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=LANGUAGE_AGE_S,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        samesite="Lax",
    )


@access.for_all
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """For this browser, and for the person where one is signed in."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = redirect(target)
    language = request.POST.get("language", "")
    if language in Language.values:
        remember(response, language)
        if isinstance(request.user, User):
            User.objects.filter(pk=request.user.pk).update(language=language)
    return response
