"""Every address of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from newsletter.site.health import healthz

urlpatterns = [
    path("", include("newsletter.site.urls")),
    path("", include("subscriptions.urls")),
    path("healthz", healthz),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
]
