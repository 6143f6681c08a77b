"""Which papers a reader gets, and why: a pure calculation without Django or Celery.

`statistics.EditionStatistics.freeze` turns an edition's candidates into one value; `rank.rank`
chooses papers for all readers at once from it; `rank.explain` computes the parts of a choice again.
"""
