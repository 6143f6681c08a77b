"""The addresses of the pages that show papers."""

from django.urls import path, register_converter

from newsletter.site import (
    daily,
    digest_view,
    feedback,
    outbox,
    reading,
    robots,
    search,
    taste,
    topic,
)
from newsletter.site.dates import DayConverter

register_converter(DayConverter, "day")

urlpatterns = [
    path("", daily.home, name="home"),
    path("editions/", daily.archive, name="editions"),
    path("editions/<str:cadence>/<day:day>/", daily.edition, name="edition"),
    path("topics/", topic.topics, name="topics"),
    path("topics/<slug:slug>/", topic.topic, name="topic"),
    path("search/", search.search, name="search"),
    path("v/<str:token>/", digest_view.digest, name="digest"),
    path("a/<str:token>/read/<int:paper_id>/", reading.read, name="read"),
    path("a/<str:token>/<str:kind>/<int:paper_id>/", feedback.feedback, name="feedback"),
    path("p/<str:token>/taste/", taste.taste, name="taste"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/<str:name>/", outbox.mail, name="mail"),
    path("outbox/<str:name>/html/", outbox.mail_html, name="mail_html"),
    path("robots.txt", robots.robots),
]
