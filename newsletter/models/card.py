"""StoredCard: a paper's card in one language, prepared ahead of the freeze."""

from django.db import models


class StoredCard(models.Model):
    """A card as `newsletter.composing.prepared` packs it, or why the paper can have none.

    `key` is the SHA-256 in hex of all that it was made from: the paper's words and links, the
    language, the templates and the code. So a row never goes stale: what changes asks for another
    key. `needed_at` is when an open edition last asked for it, to within a day.
    """

    key = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()
    needed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"card {self.key[:8]}"
