"""django-newsletter in the bench. Its package is called `newsletter`, as ours is, so `worker`
runs where ours cannot be imported.
"""
