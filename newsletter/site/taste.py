"""What Paperboy has learned about a reader's taste, in words: to see, to correct, to forget."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from newsletter.models import Feedback
from newsletter.ranking.taste import UnreadableTaste, describe, read
from newsletter.site.stories import plain_title
from newsletter.tracking.feedback import forget_all
from newsletter.tracking.taste import forget_words
from subscriptions.forms import AskForm
from subscriptions.models import Subscriber, SubscriberState
from subscriptions.pages.private import private_page
from subscriptions.tokens import ExpiredToken, Power
from subscriptions.tokens import read as read_token

STRONG, MIDDLING = 0.8, 0.5
SHORTEST = 3
WORDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Leaning:
    """A word the reader leans to, or away from, and how much: strong, middling or slight."""

    wording: str
    strength: str


@require_http_methods(["GET", "HEAD", "POST"])
@private_page
def taste(request: HttpRequest, token: str) -> HttpResponse:
    """Show the words; a POST takes the chosen ones out (`word`) or forgets everything (`all`)."""
    now = timezone.now()
    try:
        (subscriber_id,) = read_token(Power.PREFERENCES, token, now)
    except ExpiredToken:
        return render(
            request, "pages/ask_preferences.html", {"form": AskForm(), "expired": True}, status=410
        )
    reader = (
        Subscriber.objects.select_related("profile")
        .filter(pk=subscriber_id, state=SubscriberState.ACTIVE)
        .first()
    )
    if reader is None:
        return render(request, "pages/not_a_reader.html")
    if request.method == "POST":
        if "all" in request.POST:
            forget_all(reader.pk, now)
        else:
            forget_words(reader.pk, request.POST.getlist("word"), now=now)
        return redirect(reverse("taste", args=[token]) + "?saved")
    return render(
        request,
        "pages/taste.html",
        {"token": token, "saved": "saved" in request.GET, **_shown(reader)},
    )


def _shown(reader: Subscriber) -> dict[str, object]:
    learned = bytes(reader.profile.taste)
    unreadable = False
    try:
        words, known = (
            [one for one in describe(learned) if _says_something(one[0])],
            len(read(learned).weights),
        )
    except UnreadableTaste:
        words, known, unreadable = [], 0, True
    said = (
        Feedback.objects.filter(subscriber=reader)
        .select_related("paper")
        .order_by("-at", "-pk")[:WORDS_SHOWN]
    )
    return {
        "unreadable": unreadable,
        "more": [Leaning(wording, _strength(weight)) for wording, weight in words if weight > 0],
        "fewer": [Leaning(wording, _strength(-weight)) for wording, weight in words if weight < 0],
        "fainter": known - len(words),
        "said": [(word.kind, plain_title(word.paper), word.at) for word in said],
    }


def _says_something(wording: str) -> bool:
    """Numbers and bits of formulas are learned from as well, but tell a reader nothing."""
    return any(character.isalpha() for character in wording) and len(wording) >= SHORTEST


def _strength(weight: float) -> str:
    return "strong" if weight >= STRONG else "middling" if weight >= MIDDLING else "slight"
