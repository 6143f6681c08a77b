"""The adapter for models of the BERT family, such as the MiniLM sentence models, on numpy alone.

The network is that of Devlin and others, "BERT: Pre-training of Deep Bidirectional Transformers"
(2019): the sum of word, place and type embeddings, then layers of self-attention (Vaswani and
others, "Attention Is All You Need", 2017) and of a hidden layer with GELU (Hendrycks and Gimpel,
2016), each followed by layer normalisation. A text's vector is the mean of its words' (or the first
one's), as in Reimers and Gurevych, "Sentence-BERT" (2019), scaled to length 1.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from scipy.special import erf
from tokenizers import Encoding, Tokenizer

from newsletter.embedding.port import BadModel, Vectors

TOKENS_AT_ONCE = 2_048
"""A batch holds this many tokens at most, padding included: it bounds memory, whatever the
number of texts.
"""
WEIGHTS = "model.safetensors"


class BertEmbedder:
    """A model read from a folder as sentence-transformers stores it: config.json, tokenizer.json
    and model.safetensors.
    """

    def __init__(self, folder: Path) -> None:
        config = _config(folder / "config.json")
        _check(config, folder)
        self.heads = int(config["num_attention_heads"])
        self.layers = int(config["num_hidden_layers"])
        self.epsilon = np.float32(config["layer_norm_eps"])
        self.weights = _weights(folder / WEIGHTS)
        self._dimensions = int(config["hidden_size"])
        self.first_only = _pooling(folder)
        self.longest = min(_longest(folder), int(config["max_position_embeddings"]))
        self.tokenizer = _tokenizer(folder / "tokenizer.json", self.longest)
        self._name = f"{folder.name}@{_digest(folder / WEIGHTS)}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the port says."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        encoded = self.tokenizer.encode_batch(list(texts))
        for places in _batches([len(one.ids) for one in encoded]):
            vectors[places] = self._vectors([encoded[place] for place in places])
        return vectors

    def _vectors(self, texts: Sequence[Encoding]) -> Vectors:
        longest = max(len(one.ids) for one in texts)
        ids = np.zeros((len(texts), longest), np.int64)
        present = np.zeros((len(texts), longest), np.float32)
        for row, one in enumerate(texts):
            ids[row, : len(one.ids)] = one.ids
            present[row, : len(one.ids)] = 1.0
        states = self._states(ids, present)
        pooled = (
            states[:, 0]
            if self.first_only
            else (states * present[:, :, None]).sum(axis=1) / present.sum(axis=1)[:, None]
        )
        return np.asarray(
            pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12), np.float32
        )

    def _states(self, ids: NDArray[np.int64], present: Vectors) -> Vectors:
        """The last layer's states: (texts, tokens, dimensions)."""
        weights = self.weights
        states = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = states + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        states = self._normalised(states, "embeddings.LayerNorm")
        unseen = (1.0 - present)[:, None, None, :] * np.float32(-1e9)
        for layer in range(self.layers):
            root = f"encoder.layer.{layer}"
            seen = self._attended(states, unseen, f"{root}.attention.self")
            states = self._normalised(
                states + self._dense(seen, f"{root}.attention.output.dense"),
                f"{root}.attention.output.LayerNorm",
            )
            hidden = _gelu(self._dense(states, f"{root}.intermediate.dense"))
            states = self._normalised(
                states + self._dense(hidden, f"{root}.output.dense"), f"{root}.output.LayerNorm"
            )
        return states

    def _attended(self, states: Vectors, unseen: Vectors, root: str) -> Vectors:
        query, key, value = (
            self._by_head(self._dense(states, f"{root}.{name}"))
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(sqrt(query.shape[-1])) + unseen
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
        return np.asarray(mixed.transpose(0, 2, 1, 3).reshape(states.shape))

    def _by_head(self, states: Vectors) -> Vectors:
        texts, tokens, width = states.shape
        return states.reshape(texts, tokens, self.heads, width // self.heads).transpose(0, 2, 1, 3)

    def _dense(self, states: Vectors, name: str) -> Vectors:
        return np.asarray(states @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _normalised(self, states: Vectors, name: str) -> Vectors:
        """Layer normalisation (Ba and others, 2016)."""
        centred = states - states.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self.epsilon)
        return np.asarray(
            centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        )


def _gelu(values: Vectors) -> Vectors:
    return np.asarray(values * np.float32(0.5) * (1 + erf(values / np.float32(sqrt(2.0)))))


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts to run together: those of about one length, so that little is padding."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda one: (-lengths[one], one)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _config(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(
            f"{path} cannot be read as JSON ({error}); SEMANTIC_MODEL must name a whole "
            "sentence-embedding model."
        ) from error
    if not isinstance(found, dict):
        raise BadModel(
            f"{path} holds no settings; SEMANTIC_MODEL must name a whole sentence-embedding model."
        )
    return found


def _check(config: dict[str, Any], folder: Path) -> None:
    wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name, value in wanted.items():
        if config.get(name, value if name == "position_embedding_type" else None) != value:
            raise BadModel(
                f"{folder} is no model of the BERT family: its {name} is {config.get(name)!r}, not "
                f"{value!r}."
            )
    missing = {
        "num_attention_heads",
        "num_hidden_layers",
        "layer_norm_eps",
        "hidden_size",
        "max_position_embeddings",
    } - config.keys()
    if missing:
        raise BadModel(f"{folder / 'config.json'} does not say {', '.join(sorted(missing))}.")


def _weights(path: Path) -> dict[str, Vectors]:
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadModel(
            f"{path} cannot be read ({error}); the model's weights must be in that one file."
        ) from error
    kept = {
        name.removeprefix("bert."): np.asarray(tensor, np.float32)
        for name, tensor in found.items()
        if tensor.dtype.kind == "f"
    }
    if "embeddings.word_embeddings.weight" not in kept:
        raise BadModel(f"{path} holds no weights of the BERT family.")
    return kept


def _pooling(folder: Path) -> bool:
    """Whether the first token stands for the text, as some models want it, instead of the mean
    of all.
    """
    path = folder / "1_Pooling" / "config.json"
    return bool(path.exists() and _config(path).get("pooling_mode_cls_token"))


def _longest(folder: Path) -> int:
    path = folder / "sentence_bert_config.json"
    return int(_config(path).get("max_seq_length") or 512) if path.exists() else 512


def _tokenizer(path: Path, longest: int) -> Tokenizer:
    if not path.is_file():
        raise BadModel(f"{path} is missing; the model needs its tokenizer in that form.")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return tokenizer


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
