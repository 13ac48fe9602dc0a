"""Fixtures shared by the tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from optimum_multilingual import EvaluationConfig, MultilingualReport, find_language
from optimum_multilingual.evaluation.evaluator import Evaluation, Measurement
from optimum_multilingual.report.measures import make_report

REPOSITORY = Path(__file__).parent.parent

# The models are so small that a second thread only waits for the first, for minutes where other programs run too.
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps calibration sets of tests, and of processes they start, out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf_home")))
        yield


@pytest.fixture(scope="session")
def tiny_model_path() -> Path:
    """The folder of a small trained Llama with its tokenizer."""
    return REPOSITORY / "examples" / "tiny-multilingual-lm"


@pytest.fixture
def model_with_card(tiny_model_path: Path, tmp_path: Path) -> Callable[[str | None], Path]:
    """Gives the small model a card with this front matter, or none, in a folder of its own."""

    def make(front_matter: str | None) -> Path:
        folder = tmp_path / "model-with-card"
        folder.mkdir()
        for path in tiny_model_path.iterdir():
            if path.name != "README.md":
                (folder / path.name).symlink_to(path)
        if front_matter is not None:
            (folder / "README.md").write_text(f"---\n{front_matter}\n---\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def tokenizer(tiny_model_path: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model_path)


@pytest.fixture(scope="session")
def random_llama() -> Callable[..., LlamaForCausalLM]:
    """Makes a Llama of two layers with random weights; keywords change its config."""

    def make(seed: int = 0, **settings: Any) -> LlamaForCausalLM:
        sizes = {
            "vocab_size": 97,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 128,
        }
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return LlamaForCausalLM(LlamaConfig(**{**sizes, **settings})).eval()

    return make


@pytest.fixture(scope="session")
def word_tokenizer() -> Callable[..., Any]:
    """Makes a tokenizer that knows some words, has `[UNK]` for all others, and the special tokens in the keywords."""

    def make(words: str, **special_tokens: str) -> Any:
        vocabulary = {word: number for number, word in enumerate(["[UNK]", *special_tokens.values(), *words.split()])}
        backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", **special_tokens)

    return make


@pytest.fixture(scope="session")
def measured_report() -> Callable[..., MultilingualReport]:
    """Makes a report by the real path from random token scores; what is given says how it differs from others.

    Text and reference depend on the language alone, so reports of any settings can be compared.
    """

    def make(
        changes: dict[str, float], setting: dict[str, Any] | None = None, confidence: float = 0.95, tokens: int = 25
    ) -> MultilingualReport:
        settings = EvaluationConfig(bootstrap_draws=200, confidence=confidence)
        measured = {find_language(name): _measurement(name, change, tokens) for name, change in changes.items()}
        evaluation = Evaluation({}, {}, settings, {"kind": "test"})
        return make_report(measured, evaluation, {"model": "me/model", "method": "gptq", "bits": 4, **(setting or {})}, None)

    return make


def _measurement(name: str, change: float, tokens: int) -> Measurement:
    """30 documents whose loss changes by about `change` nats a token; NaN breaks the language."""
    documents = 30
    generator = np.random.default_rng(list(name.encode()))
    reference = generator.gamma(2.0, size=documents * tokens)
    kl = generator.lognormal(-4, 1.5, size=documents * tokens) * (1 if math.isnan(change) else 1 + abs(change))
    of_documents = generator.normal(change, 0.02, documents)
    return Measurement(
        document=np.repeat(np.arange(documents), tokens),
        reference_nll=reference,
        quantized_nll=reference + np.repeat(of_documents, tokens),
        kl=kl,
        reverse_kl=kl * 1.1,
        agree=generator.random(documents * tokens) < 0.9,
        overlap=generator.random(documents * tokens),
        documents=tuple(f"{name}:{number}" for number in range(documents)),
        num_bytes=np.full(documents, 4 * tokens),
        num_characters=np.full(documents, 3 * tokens),
    )
