"""Every address of the site but those of the probes, which `newsletter.site.health` answers."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from newsletter.events.receiving import webhook

urlpatterns = [
    path("", include("newsletter.site.urls")),
    path("", include("subscriptions.urls")),
    path("anymail/<slug:provider>/tracking/", webhook, name="webhook"),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
]
