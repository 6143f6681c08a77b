"""The semantic extra: sentence embeddings of papers and interests. Off unless `SEMANTIC_MODEL`
names a model.

`port` says what ranking and storage rely on; `bert` is the one adapter, which runs on numpy; `load`
finds a model by its name. Pure: no Django, no Celery. Only `load.load_embedder` reaches the
optional packages.
"""
