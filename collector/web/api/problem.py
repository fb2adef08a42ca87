"""Every refusal is a problem document (RFC 9457) with a stable code, as at the agents' door."""

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from collector.web.api.door import Forbidden
from protocols.errors import PlombaError
from protocols.wire.v1 import Problem

CONTENT_TYPE = "application/problem+json"


def problem(status: int, code: str, title: str, detail: str = "") -> HttpResponse:
    document = Problem(type=f"urn:plomba:{code}", title=title, status=status, code=code, detail=detail[:2000])
    return HttpResponse(document.model_dump_json(exclude_none=True), status=status, content_type=CONTENT_TYPE)


def install(api: NinjaAPI) -> None:
    api.exception_handler(AuthenticationError)(_not_signed_in)
    api.exception_handler(Forbidden)(_forbidden)
    api.exception_handler(PermissionDenied)(_forbidden)
    api.exception_handler(Http404)(_not_found)
    api.exception_handler(ValidationError)(_not_valid)
    api.exception_handler(RequestDataTooBig)(_too_large)
    api.exception_handler(HttpError)(_http)
    api.exception_handler(PlombaError)(_refused)


def _not_signed_in(request: HttpRequest, e: Exception) -> HttpResponse:
    return problem(401, "api.not_signed_in", "Sign in first", "POST /api/v1/session with name and password.")


def _forbidden(request: HttpRequest, e: Exception) -> HttpResponse:
    return problem(403, "api.forbidden", "Your role does not allow this", str(e))


def _not_found(request: HttpRequest, e: Exception) -> HttpResponse:
    return problem(404, "api.not_found", "There is no such thing", request.path)


def _not_valid(request: HttpRequest, e: ValidationError) -> HttpResponse:
    places = (f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in e.errors)
    return problem(422, "api.invalid", "The request is not valid", "; ".join(places))


def _too_large(request: HttpRequest, e: Exception) -> HttpResponse:
    return problem(413, "api.too_large", "The request is larger than allowed", str(e))


def _http(request: HttpRequest, e: HttpError) -> HttpResponse:
    code = "api.csrf" if e.status_code == 403 else "api.refused"
    return problem(e.status_code, code, "The request was refused", str(e))


def _refused(request: HttpRequest, e: PlombaError) -> HttpResponse:
    return problem(409, e.code, "This cannot be done now", str(e))
