"""Forms for papers: adding one by hand, and mending what sources said of one."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ingest.cleaning import body, one_line, web_link
from ingest.identity import arxiv_id, title_key
from ingest.known_sources import source_named
from ingest.merging import stamp
from ingest.models import FormerTitle, Paper
from ingest.papers import AlreadyStored, BadPaper, add_by_hand
from newsletter.desk.base import ModelForm
from newsletter.desk.lines import LinesField


class NewPaperForm(forms.Form):
    """What staff know about a paper that no source listed. All but the title may be left empty
    rather than guessed.
    """

    title = forms.CharField(label=_("Title"), max_length=500, widget=UnfoldAdminTextInputWidget())
    arxiv_id = forms.CharField(
        label=_("arXiv id"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as 2501.01234, or its address."),
    )
    doi = forms.CharField(label=_("DOI"), required=False, widget=UnfoldAdminTextInputWidget())
    link = forms.CharField(
        label=_("Link"),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Where to read it, when it is not on arXiv."),
    )
    abstract = forms.CharField(
        label=_("Abstract"), required=False, widget=UnfoldAdminTextareaWidget()
    )
    authors = LinesField(label=_("Authors"), help_text=_("One a line."))
    published = forms.DateField(
        label=_("Published"), required=False, widget=UnfoldAdminDateWidget()
    )
    categories = LinesField(label=_("arXiv categories"), help_text=_("Such as cs.CL, one a line."))
    code_link = forms.CharField(
        label=_("Code"), required=False, widget=UnfoldAdminTextInputWidget()
    )

    stored: Paper | None = None
    """The paper that is stored already under this id or title, once `store` has found it."""

    def store(self, now: datetime) -> Paper | None:
        """Store the paper and return it; None when it cannot be stored, with the reason as an
        error of the form.
        """
        try:
            return add_by_hand(now=now, **self.cleaned_data)
        except AlreadyStored as error:
            self.stored = Paper.objects.get(pk=error.paper_id)
            self.add_error(None, _("This paper is stored already. Nothing was changed."))
            return None
        except BadPaper as error:
            self.add_error(None, str(error))
            return None


class FromArxivForm(forms.Form):
    """Which paper is to be fetched from arXiv."""

    arxiv_id = forms.CharField(
        label=_("arXiv id"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Such as 2501.01234, or its address."),
    )

    def clean_arxiv_id(self) -> str:
        """Refuse what is no id."""
        text: str = self.cleaned_data["arxiv_id"]
        if arxiv_id(text) is None:
            raise ValidationError(_("This is no arXiv id, such as 2501.01234, nor its address."))
        return text


class LinkField(forms.CharField):
    """The address of a web page; whatever else a browser would follow, such as `javascript:`, is
    refused.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextInputWidget(), **options)

    def clean(self, value: Any) -> str:
        """Return the address, cleaned; empty for none."""
        given = str(super().clean(value))
        link = web_link(given)
        if given and not link:
            raise ValidationError(_("This is no web address that begins with https:// or http://."))
        return link


class PaperForm(ModelForm):
    """Mending a paper. What staff write is marked as theirs, so that the next fetch does not
    take it back.
    """

    authors = LinesField(label=_("Authors"), help_text=_("One a line."))
    categories = LinesField(label=_("arXiv categories"), help_text=_("Such as cs.CL, one a line."))

    link = LinkField(label=_("Link"), help_text=_("Where to read it, when it is not on arXiv."))
    code_link = LinkField(label=_("Code"))
    project_link = LinkField(label=_("Project page"))

    class Meta:
        model = Paper
        fields = (
            "title",
            "abstract",
            "authors",
            "published",
            "categories",
            "link",
            "code_link",
            "project_link",
        )

    def clean_title(self) -> str:
        """Refuse a title without a visible character, and one that another paper without an id
        carries: those two would be one paper.
        """
        title = one_line(self.cleaned_data["title"])
        if not title:
            raise ValidationError(_("This title has no visible character."))
        key = title_key(title)
        twins = Paper.objects.filter(
            title_key=key, arxiv_id=None, doi=None, merged_into=None
        ).exclude(pk=self.instance.pk)
        if not (self.instance.arxiv_id or self.instance.doi) and twins.exists():
            raise ValidationError(_("Another paper without an id has this title already."))
        return title

    def clean_abstract(self) -> str:
        return body(self.cleaned_data["abstract"])


def mark_as_staffs(paper: Paper, form: Any, now: datetime) -> set[str]:
    """Note in `field_sources` that the fields changed in the form come from staff, whose word goes
    before that of all other sources.

    The key of an old title stays known. The paper itself is not saved; the names of the fields to
    save are returned.
    """
    touched = {"field_sources", *form.changed_data}
    staff = source_named("staff")
    for name in form.changed_data:
        paper.field_sources[name] = stamp(staff.slug, now)
    if "authors" in form.changed_data:
        paper.author_count = len(paper.authors) or None
        touched.add("author_count")
    if "published" in form.changed_data:
        paper.year_inferred = False
        touched.add("year_inferred")
    if "title" in form.changed_data:
        FormerTitle.objects.get_or_create(paper=paper, title_key=paper.title_key)
        paper.title_key = title_key(paper.title)
        touched.add("title_key")
    return touched
