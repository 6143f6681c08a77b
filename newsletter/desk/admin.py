"""Where Django's admin looks for what to show: importing a module registers its lists and pages."""

from newsletter.desk import (
    accounts,
    batches,
    deliveries,
    editions,
    letters,
    machines,
    merges,
    papers,
    providers,
    readers,
    request_breaker,
    sources,
    topics,
)

__all__ = [
    "accounts",
    "batches",
    "deliveries",
    "editions",
    "letters",
    "machines",
    "merges",
    "papers",
    "providers",
    "readers",
    "request_breaker",
    "sources",
    "topics",
]
