"""The forms readers fill in: signing up, and saying what they want."""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from subscriptions.addresses import validate
from subscriptions.models import Cadence, Subscriber, Topic
from subscriptions.models.profile import Choices
from subscriptions.schedule import (
    Schedule,
    is_zone,
    local_zone,
    offered_timezones,
    replacement,
    timezone_choices,
)
from subscriptions.topics import tree
from subscriptions.wording import clean_phrases

MOST_PHRASES, LONGEST_PHRASE = 40, 80
LONGEST_ID = 18
"""Digits that always fit the 63 bits of a row's id."""
HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


class AddressField(forms.CharField):
    """An email address as the reader typed it."""

    widget = forms.EmailInput(
        attrs={"autocomplete": "email", "inputmode": "email", "placeholder": "ada@example.org"}
    )

    def clean(self, value: Any) -> str:
        """Return the address; say what is wrong with one that cannot be written to."""
        return validate(super().clean(value) or "")


class PhrasesField(forms.CharField):
    """Words or phrases, one a line or separated by commas."""

    widget = forms.Textarea(attrs={"rows": 3, "autocapitalize": "none", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=4000, strip=False, **kwargs)

    def clean(self, value: Any) -> tuple[str, ...]:
        """Return the phrases, cleaned; say which one is too long or that there are too many."""
        phrases = clean_phrases(super().clean(value).replace(",", "\n").splitlines())
        if len(phrases) > MOST_PHRASES:
            raise forms.ValidationError(
                _("Please give at most %(most)d."), params={"most": MOST_PHRASES}
            )
        for phrase in phrases:
            if len(phrase) > LONGEST_PHRASE:
                raise forms.ValidationError(
                    _("“%(start)s…” is too long for a phrase."), params={"start": phrase[:30]}
                )
        return phrases


class TopicsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # at run time Django's class takes no parameter
    """Topics by their ids; none has to be chosen."""

    def __init__(self, on_offer: QuerySet[Topic], **options: Any) -> None:
        super().__init__(on_offer, required=False, **{"label": _("Topics"), **options})

    def clean(self, value: Any) -> Any:
        """Return the topics; refuse a number that no database column holds, at which SQLite
        would fail rather than find nothing.
        """
        for number in value or ():
            if len(number) > LONGEST_ID:
                raise forms.ValidationError(
                    self.error_messages["invalid_choice"], params={"value": number[:LONGEST_ID]}
                )
        return super().clean(value)


class TimezoneField(forms.ChoiceField):
    """A time zone by its name. A name that was retired counts as the one that replaced it."""

    def __init__(self, choices: Any = timezone_choices) -> None:
        super().__init__(choices=choices, initial="UTC", label=_("Time zone"))

    def to_python(self, value: Any) -> str:
        """Return the name, or what replaced a name that is not on offer."""
        name = str(super().to_python(value))
        return name if self.valid_value(name) else replacement(name)


class ScheduleForm(forms.Form):
    """What both forms share: topics, and when the mail should come."""

    topics = TopicsField(Topic.objects.filter(retired=False))
    cadence = forms.ChoiceField(
        choices=Cadence.choices,
        initial=Cadence.DAILY,
        label=_("How often"),
        widget=forms.RadioSelect,
    )
    hour = forms.TypedChoiceField(choices=HOURS, coerce=int, initial=8, label=_("At"))
    timezone = TimezoneField()

    def branches(self) -> list[tuple[Topic, bool, list[tuple[Topic, bool]]]]:
        """Return the tree of topics for the page: (topic, chosen, [(narrower topic, chosen)])."""
        chosen = {str(getattr(value, "pk", value)) for value in self["topics"].value() or ()}
        return [
            (
                branch.topic,
                str(branch.topic.pk) in chosen,
                [(child, str(child.pk) in chosen) for child in branch.children],
            )
            for branch in tree()
        ]

    def topic_ids(self) -> tuple[int, ...]:
        """Return the chosen topics of a valid form, sorted."""
        return tuple(sorted(topic.pk for topic in self.cleaned_data["topics"]))


class SignUpForm(ScheduleForm):
    """The sign-up page. `website` is bait: people do not see it, and what fills it in is a
    machine.
    """

    address = AddressField(label=_("Email address"))
    website = forms.CharField(required=False, label=_("Leave this empty"))

    field_order = ("address", "topics", "cadence", "hour", "timezone")

    def is_machine(self) -> bool:
        """Say whether the bait was taken."""
        return bool(self.cleaned_data["website"])

    def choices(self) -> Choices:
        """Return what was chosen on a valid form."""
        return Choices(topics=self.topic_ids())

    def schedule(self) -> Schedule:
        """Return when mail was wished on a valid form."""
        cleaned = self.cleaned_data
        return Schedule(
            cadence=Cadence(cleaned["cadence"]), hour=cleaned["hour"], timezone=cleaned["timezone"]
        )


class PreferencesForm(ScheduleForm):
    """All that a reader can choose."""

    phrases = PhrasesField(
        label=_("Your own phrases"),
        help_text=_("Papers that use these words count as yours. One a line."),
    )
    muted = PhrasesField(
        label=_("Muted words"), help_text=_("Papers that use any of these never come. One a line.")
    )
    minimum_votes = forms.IntegerField(
        min_value=0,
        max_value=100_000,
        label=_("Fewest votes"),
        help_text=_("Papers with fewer votes are left out."),
    )
    papers_per_digest = forms.IntegerField(
        min_value=1,
        max_value=20,
        label=_("Papers in a digest"),
        help_text=_("At most; a thin day brings fewer."),
    )
    balance = forms.IntegerField(
        min_value=0,
        max_value=100,
        label=_("My topics or what trends"),
        widget=forms.NumberInput(
            attrs={"type": "range", "step": 5, "aria-describedby": "balance-ends"}
        ),
    )
    language = forms.ChoiceField(choices=lambda: settings.LANGUAGES, label=_("Language"))
    paused_until = forms.DateField(
        required=False,
        label=_("Pause until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("No mail before this day. Empty means no pause."),
    )

    def __init__(self, reader: Subscriber, today: date, data: Any = None) -> None:
        super().__init__(data=data, initial=_stored(reader))
        self.today = today
        on_offer = Topic.objects.filter(Q(retired=False) | Q(pk__in=reader.profile.topics))
        self.fields["topics"] = TopicsField(on_offer)
        self.fields["paused_until"].widget.attrs["min"] = today.isoformat()
        self._select_zone(reader.timezone)
        self.unknown_zone = "" if is_zone(reader.timezone) else reader.timezone

    def _select_zone(self, stored: str) -> None:
        """Select the reader's zone. Add it to the list if it is not usually on offer."""
        offered = offered_timezones()
        name = stored if stored in offered else replacement(stored)
        if name not in offered:
            name = local_zone(stored).key
        if name not in offered:
            self.fields["timezone"] = TimezoneField([(name, name), *timezone_choices()])
        self.initial["timezone"] = name

    def clean_paused_until(self) -> date | None:
        """Refuse a day in the far future, which would be leaving without saying so."""
        day: date | None = self.cleaned_data["paused_until"]
        if day and (day - self.today).days > 366:
            raise forms.ValidationError(
                _("A pause lasts a year at most. To stop for good, please unsubscribe.")
            )
        return day if day and day > self.today else None

    def choices(self) -> Choices:
        """Return what was chosen on a valid form."""
        cleaned = self.cleaned_data
        return Choices(
            topics=self.topic_ids(),
            phrases=cleaned["phrases"],
            muted=cleaned["muted"],
            minimum_votes=cleaned["minimum_votes"],
            papers_per_digest=cleaned["papers_per_digest"],
            balance=cleaned["balance"],
        )

    def schedule(self) -> Schedule:
        """Return when mail was wished on a valid form."""
        cleaned = self.cleaned_data
        return Schedule(
            Cadence(cleaned["cadence"]), cleaned["hour"], cleaned["timezone"], cleaned["language"]
        )

    def pause_ends(self) -> datetime | None:
        """Return the instant a pause ends: the first minute of the chosen day in the reader's
        zone.
        """
        day = self.cleaned_data["paused_until"]
        return (
            datetime.combine(day, time.min, local_zone(self.cleaned_data["timezone"]))
            if day
            else None
        )


class AskForm(forms.Form):
    """Asking for a new link to the preferences."""

    address = AddressField(label=_("Email address"))


class AddressForm(forms.Form):
    """Moving a subscription to another address."""

    address = AddressField(label=_("New address"))


def _stored(reader: Subscriber) -> dict[str, Any]:
    choices = reader.profile.choices
    return {
        "topics": choices.topics,
        "phrases": "\n".join(choices.phrases),
        "muted": "\n".join(choices.muted),
        "minimum_votes": choices.minimum_votes,
        "papers_per_digest": choices.papers_per_digest,
        "balance": choices.balance,
        "cadence": reader.cadence,
        "hour": reader.hour,
        "timezone": reader.timezone,
        "language": reader.language,
        "paused_until": reader.paused_until.astimezone(local_zone(reader.timezone)).date()
        if reader.paused_until
        else None,
    }
