"""Withdrawn papers leave frozen editions by themselves: nobody should be mailed what its authors
took back.
"""

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef, Q

from newsletter.models import AFTER_FREEZE, Candidate, Strike
from newsletter.sending.control import strike

log = structlog.get_logger(__name__)

LOOKED_AT = timedelta(days=14)
"""Editions younger than this are looked at; older ones are neither sent any more nor on the
front page.
"""
REASON = "withdrawn"


def strike_withdrawn(now: datetime) -> int:
    """Strike every withdrawn paper from the editions frozen lately, and return how many strikes
    there are. Safe to repeat.

    A paper that was merged into a withdrawn one is withdrawn with it.
    """
    withdrawn = Q(paper__withdrawn_at__isnull=False) | Q(
        paper__merged_into__withdrawn_at__isnull=False
    )
    struck = Strike.objects.filter(edition=OuterRef("edition"), paper=OuterRef("paper"))
    lost = Candidate.objects.filter(
        withdrawn,
        ~Exists(struck),
        edition__state__in=AFTER_FREEZE,
        edition__frozen_at__gt=now - LOOKED_AT,
    ).select_related("edition", "paper")
    found = list(lost.defer("edition__statistics").order_by("pk"))
    for candidate in found:
        strike(candidate.edition, candidate.paper, REASON, None, now)
        log.warning(
            "withdrawn_paper_struck", edition=str(candidate.edition), paper=candidate.paper_id
        )
    return len(found)
