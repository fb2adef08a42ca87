"""Backups."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from collector.web import access


@access.signed_in
def backups(request: HttpRequest) -> HttpResponseBase:
    return render(request, "web/backups.html", {})
