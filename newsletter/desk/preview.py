"""What a reader would get from an edition as it stands: ranked and printed as in earnest, sent
to nobody, with links that lead nowhere.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectMultipleWidget

from newsletter.composing.content import Digest, DigestLinks, RenderedMail
from newsletter.composing.digest import render
from newsletter.composing.plain import render_plainly
from newsletter.composing.speaking import spoken
from newsletter.desk.steps import StepsAdmin
from newsletter.editions.candidates import candidates_of
from newsletter.editions.content import content_of
from newsletter.editions.statistics import statistics_for
from newsletter.models import AFTER_FREEZE, Edition
from newsletter.ranking.rank import rank
from newsletter.ranking.statistics import EditionStatistics
from newsletter.ranking.values import ReaderProfile, Selection
from newsletter.sending.choosing import NotChosen, one_readers_choice
from newsletter.sending.frozen import reader_profiles, statistics_of
from newsletter.sending.history import mailed_among
from newsletter.sending.press import compiled_parts
from newsletter.sending.preview import offered, shown
from subscriptions.forms import TopicsField
from subscriptions.models import Subscriber, Topic

MAY_SEE_READERS = "subscriptions.view_subscriber"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "form-action 'none'; sandbox"
)
NOWHERE = "https://preview.invalid/"
DEFAULT_PAPERS, DEFAULT_BALANCE = 5, 30


class WhoForm(forms.Form):
    """For whom: a reader by number, or anybody who chose these topics."""

    reader = forms.IntegerField(
        label=gettext_lazy("Reader number"),
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    topics = TopicsField(
        Topic.objects.filter(retired=False),
        label=gettext_lazy("or anybody who chose these topics"),
        widget=UnfoldAdminSelectMultipleWidget(attrs={"size": 8}),
    )

    def __init__(self, *arguments: Any, may_see_readers: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not may_see_readers:
            del self.fields["reader"]

    def clean_reader(self) -> Subscriber | None:
        """Return the reader of that number."""
        number = self.cleaned_data["reader"]
        if number is None:
            return None
        reader = Subscriber.objects.filter(pk=number).first()
        if reader is None:
            raise forms.ValidationError(
                _("There is no reader %(number)d."), params={"number": number}
            )
        return reader


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whoever a preview is for: what they chose, and for a reader what they were mailed before."""

    profile: ReaderProfile
    reader_id: int = 0
    language: str = "en"


def somebody(answers: dict[str, Any]) -> Somebody:
    """Return whom the cleaned form means. The address of a reader is not part of it: a preview
    shows none.

    Raises:
        NotChosen: the reader's profile raises an exception.
    """
    reader: Subscriber | None = answers.get("reader")
    if reader is not None:
        with one_readers_choice():
            profile = reader_profiles([reader.profile_id])[reader.profile_id]
        return Somebody(profile, reader.pk, reader.language)
    topics = tuple(sorted(topic.pk for topic in answers["topics"]))
    return Somebody(ReaderProfile(topics, (), (), 0, DEFAULT_PAPERS, DEFAULT_BALANCE))


def preview(edition: Edition, who: Somebody, now: datetime) -> RenderedMail | None:
    """Return the mail that `who` would get; None when there would be nothing to send.

    Before the freeze the edition is ranked and laid out as it stands at `now`; after it, from what
    was frozen, without struck papers.

    Raises:
        NotChosen: the profile or the history of a reader raises an exception.
    """
    if edition.state in AFTER_FREEZE:
        statistics = statistics_of(edition.pk)
        selection = _selected(edition, statistics, who)
        return (
            render(
                compiled_parts(edition.pk, who.language),
                _digest(edition, statistics, selection, who),
            )
            if selection.picks
            else None
        )
    papers = candidates_of(edition)
    statistics = statistics_for(edition, papers, now)
    selection = _selected(edition, statistics, who)
    content = content_of(edition, papers, offered(who.language))
    return (
        render_plainly(content, _digest(edition, statistics, selection, who))
        if selection.picks
        else None
    )


def _selected(edition: Edition, statistics: EditionStatistics, who: Somebody) -> Selection:
    candidates = list(edition.candidates.values_list("paper_id", flat=True))
    struck = set(edition.strikes.values_list("paper_id", flat=True))
    with one_readers_choice():
        mailed = (
            mailed_among([who.reader_id], candidates).get(who.reader_id, set())
            if who.reader_id
            else set()
        )
        return rank(statistics, [who.profile], [frozenset(mailed | struck)])[0]


def _digest(
    edition: Edition, statistics: EditionStatistics, selection: Selection, who: Somebody
) -> Digest:
    names = {topic.id: topic.name for topic in statistics.topics}
    return Digest(
        edition_id=edition.pk,
        delivery_id=0,
        subscriber_id=0,
        address="reader@preview.invalid",
        picks=tuple(shown(pick, names, who.language) for pick in selection.picks),
        links=DigestLinks(NOWHERE, NOWHERE, NOWHERE, NOWHERE),
        message_key="preview",
        language=who.language,
        note=spoken(selection.note, who.language),
    )


class PreviewPages(StepsAdmin):
    """The two addresses of a preview: the page with the question, and the mail alone, which the
    page shows in a frame.
    """

    def get_urls(self) -> list[URLPattern]:
        views = {"preview": self.preview_view, "preview-mail": self.preview_mail_view}
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"newsletter_edition_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def preview_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for whom, and show the subject, the frame with the mail, and its text part."""
        edition = self.seen(request, object_id)
        form = _who_form(request)
        mail, problem = None, ""
        if form.is_valid():
            try:
                mail = preview(edition, somebody(form.cleaned_data), timezone.now())
            except NotChosen as error:
                problem = str(error)
        context = {
            "form": form,
            "mail": mail,
            "problem": problem,
            "query": request.GET.urlencode(),
            "asked": form.is_bound and form.is_valid(),
        }
        return self.answer(request, "desk/preview.html", edition, context)

    def preview_mail_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the HTML part alone, under a policy that lets it run nothing and lead
        nowhere.
        """
        edition = self.seen(request, object_id)
        form = _who_form(request)
        if not form.is_valid():
            raise PermissionDenied
        try:
            mail = preview(edition, somebody(form.cleaned_data), timezone.now())
        except NotChosen:
            mail = None
        response = HttpResponse(mail.html if mail else "")
        response["Content-Security-Policy"] = POLICY
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response


def _who_form(request: HttpRequest) -> WhoForm:
    return WhoForm(request.GET or None, may_see_readers=request.user.has_perm(MAY_SEE_READERS))
