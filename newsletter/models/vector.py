"""TextVector: where a sentence-embedding model places a text. Empty unless the semantic extra is
in use.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TextVector(models.Model):
    """The vector of one text by one model, as little-endian float16 numbers, of length 1 together.

    Found by content: `text_digest` is the SHA-256 of the text in hex, so a paper whose abstract
    changed has another one, and a phrase that a thousand readers typed has one. `model` names the
    model and its weights, so that vectors of two models are never compared.
    """

    model = models.CharField(_("model"), max_length=120)
    text_digest = models.CharField(max_length=64, editable=False)
    vector = models.BinaryField(editable=False)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("text vector")
        verbose_name_plural = _("text vectors")
        constraints = [
            models.UniqueConstraint(fields=["model", "text_digest"], name="text_vector_once")
        ]
        indexes = [models.Index(fields=["made_at"], name="text_vector_by_age")]

    def __str__(self) -> str:
        return f"text {self.text_digest[:8]} by {self.model}"
