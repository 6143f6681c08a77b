"""Joining two rows that turned out to be one paper."""

from collections.abc import Mapping

from ingest.counting import rewrite
from ingest.merging import absorb_paper
from ingest.models import FormerTitle, Listing, Paper


def join(other: Paper, into: Paper, priorities: Mapping[str, int]) -> None:
    """Make `other` a redirect to `into`, and give `into` its listings, counts, titles and what it knew better.

    Both are stored; runs inside the caller's transaction.
    """
    for listing in Listing.objects.filter(paper=other).order_by("pk"):
        same = Listing.objects.filter(source_id=listing.source_id, day=listing.day, paper=into).first()
        if same is None:
            Listing.objects.filter(pk=listing.pk).update(paper=into)
        else:
            rewrite(same, listing)
            listing.delete()
    keys = {other.title_key, *FormerTitle.objects.filter(paper=other).values_list("title_key", flat=True)} - {into.title_key}
    FormerTitle.objects.bulk_create([FormerTitle(paper=into, title_key=key) for key in sorted(keys)], ignore_conflicts=True)
    Paper.objects.filter(merged_into=other).update(merged_into=into)
    absorb_paper(into, other, priorities)
    other.merged_into = into
    if other.doi == into.doi:
        other.doi = None  # one row may hold a DOI, and it is the one that stays
    other.save(update_fields=["merged_into", "doi"])
    into.save()
