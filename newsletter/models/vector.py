"""PaperVector: where a sentence-embedding model places a paper. Empty unless the semantic extra is in use."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingest.models import Paper


class PaperVector(models.Model):
    """The vector of one paper by one model, as little-endian float16 numbers of length 1 together.

    `model` names the model and its weights, so that vectors of two models are never compared. `text_digest` is the SHA-256, in hex, of
    the text that was embedded: a paper whose title or abstract has changed since is embedded again.
    """

    paper = models.ForeignKey(Paper, on_delete=models.CASCADE, related_name="+", verbose_name=_("paper"), db_index=False)
    model = models.CharField(_("model"), max_length=120)
    text_digest = models.CharField(max_length=64, editable=False)
    vector = models.BinaryField(editable=False)

    class Meta:
        verbose_name = _("paper vector")
        verbose_name_plural = _("paper vectors")
        constraints = [models.UniqueConstraint(fields=["paper", "model"], name="paper_vector_once")]

    def __str__(self) -> str:
        return f"{self.paper} by {self.model}"
