"""What a reader chose, in words that staff can read back to them."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from subscriptions.models import Profile, Subscriber, Topic


def when(reader: Subscriber) -> str:
    """Return when the reader wants mail, such as “every day at 08:00, Europe/Berlin time”."""
    return _("%(cadence)s at %(hour)02d:00, %(zone)s time") % {
        "cadence": reader.get_cadence_display(),
        "hour": reader.hour,
        "zone": reader.timezone,
    }


def wishes(profile: Profile) -> list[tuple[str, str]]:
    """Return (what it is about, what was chosen) for each kind of choice in a profile."""
    names = dict(Topic.objects.filter(pk__in=profile.topics).values_list("pk", "name"))
    return [
        (_("Topics"), _listed(_named(profile.topics, names))),
        (_("Own phrases"), _listed(profile.phrases)),
        (_("Muted words"), _listed(profile.muted)),
        (
            _("Length"),
            ngettext(
                "%(count)d paper a mail",
                "at most %(count)d papers a mail",
                profile.papers_per_digest,
            )
            % {"count": profile.papers_per_digest},
        ),
        (_("Votes"), _votes(profile.minimum_votes)),
        (_("Balance"), _balance(profile.balance)),
        (
            _("Learned taste"),
            _("yes, from feedback and clicks") if profile.taste else _("none yet"),
        ),
    ]


def _named(topics: Sequence[int], names: Mapping[int, str]) -> list[str]:
    return sorted(names.get(topic, _("topic %(number)d") % {"number": topic}) for topic in topics)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or _("none")


def _votes(minimum: int) -> str:
    if not minimum:
        return _("any number")
    return ngettext("at least %(count)d vote", "at least %(count)d votes", minimum) % {
        "count": minimum
    }


def _balance(balance: int) -> str:
    if balance == 0:
        return _("only their topics")
    if balance == 100:
        return _("only what trends")
    return _("%(topics)d %% their topics, %(trend)d %% what trends") % {
        "topics": 100 - balance,
        "trend": balance,
    }
