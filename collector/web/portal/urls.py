"""Addresses of the portal, and of the labels on tills."""

from django.urls import path

from collector.web.portal import articles, label, notices, read, report, requests, session, tills

PAGES = [
    path("portal/", tills.home, name="portal"),
    path("portal/sign-in", session.sign_in, name="portal-sign-in"),
    path("portal/code", session.code, name="portal-code"),
    path("portal/choose", session.choose, name="portal-choose"),
    path("portal/sign-out", session.sign_out, name="portal-sign-out"),
    path("portal/tills/<str:pk>/", tills.till, name="portal-till"),
    path("portal/ask/", report.choose, name="portal-ask"),
    path("portal/ask/<slug:key>/", report.report, name="portal-report"),
    path("portal/suggest", report.suggest, name="portal-suggest"),
    path("portal/requests/", requests.listed, name="portal-requests"),
    path("portal/requests/<int:pk>/", requests.one, name="portal-request"),
    path("portal/requests/<int:pk>/<slug:name>", requests.act, name="portal-act"),
    path("portal/files/<int:pk>", requests.attachment, name="portal-file"),
    path("portal/backups/", read.backups, name="portal-backups"),
    path("portal/visits/", read.visits, name="portal-visits"),
    path("portal/articles/<slug:slug>/", articles.article, name="portal-article"),
    path("portal/notices/", notices.listed, name="portal-notices"),
    path("portal/notices/<int:version>/", notices.one, name="portal-notice"),
    path("portal/notices/<int:version>/confirm", notices.confirm, name="portal-notice-confirm"),
    path("t/<str:token>", label.label, name="label"),
]
