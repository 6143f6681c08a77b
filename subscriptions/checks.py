"""System checks of the readers app."""

from typing import Any

from django.core import checks

from subscriptions.links import leave_url

HEADER_WORD = 76
"""The longest `<URL>` that Python's modern mail policy leaves as it is (77 measured, one less
for safety).
"""
_MANY_READERS, _MANY_EDITIONS = 2**28 - 1, 2**14 - 1


@checks.register()
def leave_link_fits_its_header(**_options: Any) -> list[checks.CheckMessage]:
    """Warn when SITE_URL makes the one-click link too long for mail programs to read."""
    length = len(f"<{leave_url(_MANY_READERS, _MANY_EDITIONS)}>")
    if length <= HEADER_WORD:
        return []
    return [
        checks.Warning(
            f"SITE_URL is {length - HEADER_WORD} characters too long: <{{SITE_URL}}/u/TOKEN/> in "
            "the List-Unsubscribe header would take "
            f"{length} characters, and over {HEADER_WORD} some mail software garbles it, so that "
            "readers lose the one-click button.",
            hint="Serve Paperboy under a shorter host name.",
            id="subscriptions.W001",
        )
    ]
