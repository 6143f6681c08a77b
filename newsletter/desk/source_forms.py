"""Forms for sources: what a source is asked for and when, and files that staff hand in."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ingest.files import Report, import_upload
from ingest.http.addresses import AddressRules
from ingest.http.faults import UpstreamError
from ingest.keys import sealed
from ingest.known_sources import source_named
from ingest.models import Source
from ingest.recording import LARGEST_BODY
from ingest.sighting import Parsed
from ingest.sources import jsonl, listing
from ingest.sources.protocol import BadOptions, Window, address
from ingest.sources.registry import KINDS
from newsletter.desk.base import ModelForm
from newsletter.desk.lines import LinesField

TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
FROM_FILES = ("listing", "jsonl")
OPTIONS = ("url", "categories", "times")


class SourceForm(ModelForm):
    """What a source is asked for and when. Its address, categories and times are options of the
    row; empty means: as the settings say.
    """

    url = forms.CharField(
        label=gettext_lazy("Address"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy(
            "Of a feed; for the other kinds only where it is another than the usual one."
        ),
    )
    categories = LinesField(
        label=gettext_lazy("arXiv categories"), help_text=gettext_lazy("Such as cs.CL, one a line.")
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy(
            "A token that the source knows us by. It is kept encrypted and never shown again; "
            "empty leaves it as it is."
        ),
    )
    forget_key = forms.BooleanField(
        label=gettext_lazy("Forget the key"), required=False, widget=UnfoldBooleanSwitchWidget()
    )
    times = LinesField(
        label=gettext_lazy("Times"),
        help_text=gettext_lazy("When it is asked, UTC, such as 05:20, one a line."),
    )

    class Meta:
        model = Source
        fields = ("title", "slug", "kind", "enabled", "priority")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        given = options.get("instance")
        if given:
            stored = {name: given.options[name] for name in OPTIONS if name in given.options}
            options["initial"] = {**stored, **(options.get("initial") or {})}
        super().__init__(*arguments, **options)
        if "kind" in self.fields:
            kinds = sorted([*KINDS, *FROM_FILES])
            self.fields["kind"] = forms.ChoiceField(
                label=gettext_lazy("Kind"),
                choices=[(kind, kind) for kind in kinds],
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_key(self) -> str:
        """Refuse what cannot stand in a header of a request."""
        key: str = self.cleaned_data["key"].strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise ValidationError(_("A key is letters, digits and marks without blanks."))
        return key

    def clean_url(self) -> str:
        """Refuse what is no address, and an address that is never asked: see ingest.http."""
        url: str = self.cleaned_data["url"]
        if url:
            try:
                AddressRules().check(address({"url": url}))
            except (BadOptions, UpstreamError) as error:
                raise ValidationError(str(error)) from error
        return url

    def clean_times(self) -> list[str]:
        """Refuse what is no time of day."""
        times: list[str] = self.cleaned_data["times"]
        for text in times:
            if not TIME.fullmatch(text):
                raise ValidationError(
                    _("“%(text)s” is no time such as 05:20."), params={"text": text}
                )
        return times

    def clean(self) -> dict[str, Any]:
        """Refuse options that the kind of source cannot work with."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        if kind in KINDS and kind != "arxiv-paper" and not self.errors:
            today = timezone.now().date()
            try:
                KINDS[kind].first(Window(today, today), self.options())
            except BadOptions as error:
                raise ValidationError(str(error)) from error
        if not self.errors and self._takes_its_key_elsewhere():
            raise ValidationError(
                _(
                    "The key of this source was given for another address: enter the one for the "
                    "new address, or forget it first."
                )
            )
        return cleaned

    def _takes_its_key_elsewhere(self) -> bool:
        """Say whether a key that was given for one place would be sent to another."""
        if self.instance.pk is None or self.cleaned_data["key"]:
            return False
        entered = self.instance.sealed_key and not self.cleaned_data["forget_key"]
        known = entered or settings.SOURCE_KEYS.get(self.instance.slug)
        return bool(known) and _place(self.instance.options or {}) != _place(self.options())

    def options(self) -> dict[str, Any]:
        """Return the row's options with what the form says; what the form does not show stays."""
        kept = {
            name: value
            for name, value in (self.instance.options or {}).items()
            if name not in OPTIONS
        }
        return kept | {
            name: self.cleaned_data[name] for name in OPTIONS if self.cleaned_data.get(name)
        }

    def save(self, commit: bool = True) -> Source:
        """Store the options and the key with the row."""
        self.instance.options = self.options()
        if self.cleaned_data["forget_key"]:
            self.instance.sealed_key = ""
        elif self.cleaned_data["key"]:
            self.instance.sealed_key = sealed(self.cleaned_data["key"])
        source: Source = super().save(commit)
        return source


def _place(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return the scheme and the host that a source is asked at; empty for the usual ones of its
    kind.
    """
    parts = urlsplit(str(options.get("url", "")))
    return parts.scheme, parts.netloc.lower()


class UploadForm(forms.Form):
    """A file that holds what a source said: a listing page saved as text, or JSON Lines."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What it is"),
        choices=[
            ("listing", gettext_lazy("a listing page, saved as text")),
            ("jsonl", gettext_lazy("JSON Lines")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    file = forms.FileField(
        label=gettext_lazy("File"), allow_empty_file=True, widget=UnfoldAdminFileFieldWidget()
    )
    page_year = forms.IntegerField(
        label=gettext_lazy("Year of the page"),
        required=False,
        min_value=1991,
        max_value=2100,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy(
            "A listing page does not name it; empty means the newest year that fits."
        ),
    )

    def clean_file(self) -> Any:
        """Refuse what is larger than any page."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_BODY:
            size = LARGEST_BODY // 1_000_000
            raise ValidationError(
                _("The file is larger than %(size)d MB; larger ones go in by `manage.py ingest`."),
                params={"size": size},
            )
        return file

    def store(self, now: datetime) -> Report:
        """Record the file, and return what became of it. A file that cannot be read leaves a
        failed fetch with the reason.
        """
        kind, file = self.cleaned_data["kind"], self.cleaned_data["file"]
        return import_upload(
            source_named(kind),
            file.name,
            file.read(),
            lambda content: self._parsed(kind, content, now),
            now=now,
        )

    def _parsed(self, kind: str, content: bytes, now: datetime) -> Parsed:
        if kind == "jsonl":
            return jsonl.parse(content.splitlines(), now=now)
        return listing.parse(content, today=now.date(), page_year=self.cleaned_data["page_year"])
