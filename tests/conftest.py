"""Fixtures shared by the tests."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_uploads import UploadHub

# The clients of the Hub read their settings when they are imported: from here on they know only a Hub on this machine,
# no token, and a cache that goes with the tests, also for calibration sets and for the processes that tests start.
HUB = UploadHub()
HUB_HOME = tempfile.TemporaryDirectory(prefix="hub-home-")
for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ.pop(name, None)
os.environ.update(HF_ENDPOINT=HUB.url, HF_HOME=HUB_HOME.name, HF_HUB_DISABLE_XET="1")

# The models are so small that a second thread only waits for the first, for minutes where other programs run too.
os.environ["OMP_NUM_THREADS"] = "1"

import torch  # noqa: E402
from hub_replicas import serve_fineweb2  # noqa: E402
from huggingface_hub import HfFileSystem, constants  # noqa: E402
from optimum.utils import logging as optimum_logging  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

REPOSITORY = Path(__file__).parent.parent

torch.set_num_threads(1)

# Optimum logs for ever to the standard error of the first import; that of a single test would be closed in the next.
optimum_logging.get_verbosity()


# Tests that wait for processes of their own.
LONG = ("test_examples.py", "test_processes.py", "test_sweep.py", "test_private_values.py", "test_quanto.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left with one when the others are done."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish() -> None:
    """Engines collect garbage for every model, and would look through all that is imported each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def hub() -> Iterator[UploadHub]:
    """A Hub without repositories; `datasets` has forgotten what it listed before."""
    assert HUB.url == constants.ENDPOINT, "huggingface_hub was imported before tests/conftest.py"
    HUB.clear()
    HfFileSystem.clear_instance_cache()
    yield HUB
    HUB.clear()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of calibration sets that begins empty."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


@pytest.fixture
def fineweb2(hub: UploadHub, tmp_path: Path) -> None:
    """A Hub that has FineWeb-2 in two languages."""
    serve_fineweb2(hub, tmp_path)


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
def random_model_path(
    random_llama: Callable[..., LlamaForCausalLM], tokenizer: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a smaller Llama with random weights in float32, in which a CPU is fastest, and of the same tokenizer."""
    folder = tmp_path_factory.mktemp("random-model")
    random_llama(vocab_size=len(tokenizer), initializer_range=0.2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
def measured_report() -> Callable[..., Any]:
    """Makes reports by the real path from random token scores; see `random_reports`."""
    from random_reports import report_of

    return report_of


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `optimum-cli multilingual ...` in this process and gives its exit code, standard output and standard error."""
    from optimum.commands.optimum_cli import main

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["optimum-cli", "multilingual", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
