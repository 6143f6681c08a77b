"""What a reader was mailed, read back from the history as a whole; the product only asks which
of some papers.
"""

import numpy as np

from newsletter.models import MailedHistory
from newsletter.sending.history import OFFSET


def all_mailed(reader: int) -> set[int]:
    papers: set[int] = set()
    for bucket, offsets in MailedHistory.objects.filter(subscriber=reader).values_list(
        "bucket", "offsets"
    ):
        papers.update(
            (np.frombuffer(offsets, OFFSET).astype(int) + bucket * MailedHistory.BUCKET).tolist()
        )
    return papers
