"""The addresses of reports."""

from django.urls import path

from collector.web.portal import reports as portal
from collector.web.views import reports

PAGES = [
    path("reports/", reports.reports, name="reports"),
    path("reports/make", reports.make, name="report-make"),
    path("reports/<int:pk>/", reports.report, name="report"),
    path("reports/<int:pk>/file.<slug:form>", reports.file, name="report-file"),
    path("portal/reports/", portal.reports, name="portal-reports"),
    path("portal/reports/<int:pk>/", portal.report, name="portal-monthly"),
    path("portal/reports/<int:pk>/file.<slug:form>", portal.file, name="portal-monthly-file"),
]
