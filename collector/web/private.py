"""What goes for every page and answer: no NUL comes in, and nothing with data stays in a cache, so that the next
person at a shared computer finds nothing. Static files have headers of their own and do not come by."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from collector.web.api.problem import problem


class NoNul(MiddlewareMixin):
    """PostgreSQL keeps no NUL in a text; an address with one is nobody's honest question."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if "\0" not in request.path and "%00" not in request.META.get("QUERY_STRING", ""):
            return None
        if request.path.startswith("/api/"):
            return problem(400, "api.invalid", "The address is not valid", "It holds a NUL.")
        return HttpResponse("The address is not valid: it holds a NUL.", "text/plain", status=400)


class NoStore(MiddlewareMixin):
    def process_response(self, _request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
