"""The addresses of what is agreed with customers, and of an incident's files."""

from django.urls import path

from collector.web.views import agreements, incidents

PAGES = [
    path("incidents/new", agreements.incident_new, name="incident-new"),
    path("incidents/<int:pk>/files/<int:number>", incidents.file, name="incident-file"),
    path("contracts/", agreements.contract_list, name="contracts"),
    path("contracts/new", agreements.contract_new, name="contract-new"),
    path("contracts/<slug:key>/", agreements.contract, name="contract"),
    path("calendars/", agreements.calendar_list, name="calendars"),
    path("calendars/new", agreements.calendar_new, name="calendar-new"),
    path("calendars/<slug:key>/", agreements.calendar, name="calendar"),
    path("priorities/", agreements.priorities, name="priorities"),
]
