"""Pages for what cannot be shown: not allowed, not found, and a defect of ours."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from collector.web.api.problem import problem


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/failure.html", {"kind": "forbidden"}, status=403)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "web/failure.html", {"kind": "csrf"}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem(404, "api.not_found", "There is no such thing", request.path)
    return render(request, "web/failure.html", {"kind": "not_found"}, status=404)


def defect(request: HttpRequest) -> HttpResponse:
    return render(request, "web/failure.html", {"kind": "defect"}, status=500)
