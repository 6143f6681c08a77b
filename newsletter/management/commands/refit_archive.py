"""`manage.py refit_archive`: learn now what the stored papers teach about words."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from newsletter.editions.archive import refit


class Command(BaseCommand):
    help = (
        "Fit the archive's statistics to the stored papers and keep them as the next version; "
        "workers do the same once a day."
    )

    def handle(self, **_options: Any) -> None:
        fit = refit(timezone.now())
        self.stdout.write(
            f"Version {fit.pk}: learned from {fit.papers} papers, {len(fit.content):,} bytes."
        )
