"""Weight: keeps a digest under the size at which mailboxes cut it off."""

from collections.abc import Callable

from newsletter.composing.content import Digest, RenderedMail

HTML_BUDGET = 80_000
"""Bytes of HTML. Gmail hides what comes after about 102,000, and the way out of the list is at
the end.
"""

Compose = Callable[[Digest, int], RenderedMail]


def within_budget(digest: Digest, compose: Compose, budget: int = HTML_BUDGET) -> RenderedMail:
    """Return what `compose(digest, omitted)` makes of as many papers as fit the budget; those that
    do not are cut from the end.

    A layout that is too heavy without any paper is returned as it is.
    """
    mail = compose(digest, 0)
    picks = digest.picks
    while picks and (excess := len(mail.html.encode()) - budget) > 0:
        per_paper = len(mail.html.encode()) // len(picks)
        picks = picks[: -max(1, excess // per_paper)]
        mail = compose(digest._replace(picks=picks), len(digest.picks) - len(picks))
    return mail
