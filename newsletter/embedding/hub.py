"""Models from a hub: fetched once, then read from the folder they were kept in."""

from pathlib import Path

from huggingface_hub import snapshot_download

from newsletter.embedding.port import BadModel

FILES = [
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
]


def fetched(model: str, cache: Path) -> Path:
    """Return the folder of a hub's model, `owner/name` or `owner/name@revision`, downloading what
    is not there yet.

    Raises:
        BadModel: the hub cannot be reached, or has no such model.
    """
    name, _, revision = model.partition("@")
    try:
        return Path(
            snapshot_download(
                name, revision=revision or None, cache_dir=cache, allow_patterns=FILES
            )
        )
    except (OSError, ValueError) as error:
        raise BadModel(
            f"The model {model} cannot be fetched ({error}); SEMANTIC_MODEL may also name a local "
            "folder."
        ) from error
