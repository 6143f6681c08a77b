"""Hash suppressed addresses under the current SUPPRESSION_KEY, after it was changed."""

from typing import Any

from django.core.management.base import BaseCommand

from subscriptions.suppression import rekey


class Command(BaseCommand):
    help = (
        "Hash the suppressed addresses that are still known under the current SUPPRESSION_KEY, "
        "and say how many are left under an earlier key."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        left = rekey()
        if left:
            self.stdout.write(
                f"{left} suppressions are left under an earlier key, because only hashes of their "
                "addresses are kept. Leave that key in SUPPRESSION_KEY_FALLBACKS."
            )
        else:
            self.stdout.write("All suppressions are under the current key.")
