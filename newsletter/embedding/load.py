"""Finding a model by its name: a local folder, or a model of a hub."""

from importlib import import_module
from pathlib import Path
from typing import cast

from newsletter.embedding.port import BadModel, Embedder

EXTRA = ("safetensors", "tokenizers", "huggingface_hub")


def load_embedder(model: str, cache: Path) -> Embedder:
    """Return the model ready to use. The optional packages are imported here and nowhere before.

    Args:
        model: a folder, or `owner/name` with an optional `@revision` for the hub.
        cache: where models of the hub are kept.

    Raises:
        BadModel: the extra is not installed, or the model is missing, incomplete or of another
            family.
    """
    try:
        bert, hub = (
            import_module("newsletter.embedding.bert"),
            import_module("newsletter.embedding.hub"),
        )
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise BadModel(
            "Ranking by meaning needs more packages: pip install '.[semantic]'."
        ) from error
    folder = Path(model).expanduser()
    return cast(
        "Embedder",
        bert.BertEmbedder(
            folder if folder.is_dir() or folder.is_absolute() else hub.fetched(model, cache)
        ),
    )
