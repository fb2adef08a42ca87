"""The address of every page comes from the web room."""

from django.urls import include, path

from collector.web.views import failure

urlpatterns = [path("", include("collector.web.urls"))]

handler403 = failure.forbidden
handler404 = failure.not_found
handler500 = failure.defect
