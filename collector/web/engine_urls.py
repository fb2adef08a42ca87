"""The addresses of the pages about the incident engine: maintenance, rules, and what it must know of shops."""

from django.urls import path

from collector.web.views import maintenance, rules, shops

PAGES = [
    path("maintenance/", maintenance.maintenance, name="maintenance"),
    path("maintenance/<int:pk>/end", maintenance.end, name="maintenance-end"),
    path("rules/", rules.rules, name="rules"),
    path("rules/<str:name>/", rules.rule, name="rule"),
    path("shops/", shops.shops, name="shops"),
    path("shops/<int:pk>/", shops.shop, name="shop"),
]
