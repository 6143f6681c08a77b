"""Topics: what readers may choose."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from newsletter.desk.base import DeskAdmin, ModelForm
from newsletter.desk.lines import LinesField
from subscriptions.models import Topic


class TopicForm(ModelForm):
    phrases = LinesField(
        label=_("Phrases"), help_text=_("Words that a paper on this topic would use, one a line.")
    )
    categories = LinesField(label=_("arXiv categories"), help_text=_("Such as cs.CL, one a line."))

    class Meta:
        model = Topic
        fields = ("name", "slug", "description", "parent", "phrases", "categories", "retired")

    def clean_parent(self) -> Topic | None:
        """Refuse a parent that stands below this topic: following a topic follows what is below
        it, which must end somewhere.
        """
        parent: Topic | None = self.cleaned_data["parent"]
        above = parent
        while above is not None:
            if above.pk == self.instance.pk:
                raise ValidationError(
                    _("“%(topic)s” stands below this topic already."), params={"topic": parent}
                )
            above = above.parent
        return parent


@admin.register(Topic)
class TopicAdmin(DeskAdmin):
    form = TopicForm
    list_display = ("name", "slug", "parent", "number_of_phrases", "retired")
    list_filter = ("retired",)
    list_select_related = ("parent",)
    search_fields = ("name", "slug", "description")
    prepopulated_fields = {"slug": ("name",)}

    @admin.display(description=_("phrases"))
    def number_of_phrases(self, topic: Topic) -> int:
        return len(topic.phrases)
