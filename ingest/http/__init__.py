"""The one polite way out to the sources.

`visits.visit` is what callers use: it takes the host's turn, asks once, and says when to ask again.
It never sleeps and never retries. Everything but `visits` and `spacing` is free of Django.
"""
