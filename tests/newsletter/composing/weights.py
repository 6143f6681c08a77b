"""What digests weigh: `python -m tests.newsletter.composing.weights` prints bytes of HTML and
lint errors of every variant and case.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
os.environ.setdefault("SITE_URL", "https://paperboy.example.org")
os.environ.setdefault("POSTAL_ADDRESS", "Paperboy, 1 Test Street, 12345 Testville")
django.setup()

from newsletter.composing.lint.linter import lint  # noqa: E402 - Django has to be set up before its models are imported
from tests.newsletter.composing.test_variants import CASES, VARIANTS, made  # noqa: E402 - as above


def main() -> None:
    sys.stdout.write(f"{'bytes of HTML':24}" + "".join(f"{name:>9}" for name in VARIANTS) + "\n")
    errors, heaviest = 0, 0
    for case in CASES:
        sizes = []
        for variant in VARIANTS:
            content, size = made(case, variant)
            errors += len(lint(content, postal_address=os.environ["POSTAL_ADDRESS"]).errors)
            sizes.append(size)
        heaviest = max(heaviest, *sizes)
        sys.stdout.write(f"{case:24}" + "".join(f"{size:>9,}" for size in sizes) + "\n")
    sys.stdout.write(
        f"{len(CASES) * len(VARIANTS)} digests, {errors} errors, the heaviest {heaviest:,} bytes\n"
    )


if __name__ == "__main__":
    main()
