"""A BERT so small that its numbers can be worked out another way: random weights, words split at
spaces.
"""

import json

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *["graph", "networks", "learn", "proteins", "fold", "quickly", "and", "slowly", "in", "water"],
]
WIDTH, HEADS, HIDDEN, LAYERS, LONGEST = 8, 2, 16, 2, 12


def tiny_model(folder, **changed):
    """Write a whole model into `folder` and return its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights()
    save_file(
        {f"bert.{name}": value for name, value in weights.items()}, folder / "model.safetensors"
    )
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "intermediate_size": HIDDEN,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": LONGEST,
    } | changed
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return weights


def _weights():
    random = np.random.default_rng(7)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        root = f"encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            shapes |= {
                f"{root}.attention.self.{name}.weight": (WIDTH, WIDTH),
                f"{root}.attention.self.{name}.bias": (WIDTH,),
            }
        dense = {
            "attention.output": (WIDTH, WIDTH),
            "intermediate": (HIDDEN, WIDTH),
            "output": (WIDTH, HIDDEN),
        }
        for name, shape in dense.items():
            shapes |= {f"{root}.{name}.dense.weight": shape, f"{root}.{name}.dense.bias": shape[:1]}
        for name in ("attention.output", "output"):
            shapes |= {
                f"{root}.{name}.LayerNorm.weight": (WIDTH,),
                f"{root}.{name}.LayerNorm.bias": (WIDTH,),
            }
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def by_hand(weights, words):
    """One text's vector, computed token by token with plain loops: the specification the fast
    form is compared with.
    """
    from math import erf, exp, sqrt

    def normalised(row, name):
        mean = sum(row) / len(row)
        deviation = sqrt(sum((one - mean) ** 2 for one in row) / len(row) + 1e-12)
        return [
            (one - mean) / deviation * w + b
            for one, w, b in zip(
                row, weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True
            )
        ]

    def dense(row, name):
        return [
            sum(w * one for w, one in zip(line, row, strict=True)) + b
            for line, b in zip(weights[f"{name}.weight"], weights[f"{name}.bias"], strict=True)
        ]

    def summed(one, other):
        return [a + b for a, b in zip(one, other, strict=True)]

    ids = [2, *(WORDS.index(word) if word in WORDS else 1 for word in words), 3]
    rows = []
    for place, one in enumerate(ids):
        row = summed(
            weights["embeddings.word_embeddings.weight"][one],
            weights["embeddings.position_embeddings.weight"][place],
        )
        rows.append(
            normalised(
                summed(row, weights["embeddings.token_type_embeddings.weight"][0]),
                "embeddings.LayerNorm",
            )
        )
    size = WIDTH // HEADS
    for layer in range(LAYERS):
        root = f"encoder.layer.{layer}"
        query, key, value = (
            [dense(row, f"{root}.attention.self.{name}") for row in rows]
            for name in ("query", "key", "value")
        )
        after = []
        for place, row in enumerate(rows):
            seen = []
            for head in range(HEADS):
                part = slice(head * size, (head + 1) * size)
                pulls = [
                    exp(
                        sum(a * b for a, b in zip(query[place][part], one[part], strict=True))
                        / sqrt(size)
                    )
                    for one in key
                ]
                seen += [
                    sum(pull * one[part][at] for pull, one in zip(pulls, value, strict=True))
                    / sum(pulls)
                    for at in range(size)
                ]
            kept = normalised(
                summed(row, dense(seen, f"{root}.attention.output.dense")),
                f"{root}.attention.output.LayerNorm",
            )
            hidden = [
                one * 0.5 * (1 + erf(one / sqrt(2)))
                for one in dense(kept, f"{root}.intermediate.dense")
            ]
            after.append(
                normalised(
                    summed(kept, dense(hidden, f"{root}.output.dense")), f"{root}.output.LayerNorm"
                )
            )
        rows = after
    middle = np.mean(rows, axis=0)
    return middle / np.linalg.norm(middle)
