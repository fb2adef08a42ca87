"""The address of every page comes from the web room."""

from django.urls import include, path

urlpatterns = [path("", include("collector.web.urls"))]
