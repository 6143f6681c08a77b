"""Where Django's admin looks for what to show: importing a module registers its lists and pages."""

from newsletter.desk import accounts, batches, sources, topics

__all__ = ["accounts", "batches", "sources", "topics"]
