"""Calibration sets without meaning: the baselines that show what calibration text is worth."""

from __future__ import annotations

import random
import string
from typing import Any, Literal

import numpy as np

from ..errors import ConfigError
from ..languages import Language
from ..settings import MIN_SEQUENCE_LENGTH, require_int
from .build import recorded_versions, row_prefix
from .calibration_set import CalibrationSet, Manifest, Row, fingerprint_of, hash_of
from .encoding import TextEncoder
from .tokenization import describe_tokenizer

# ISO 639-2 "zxx" is no linguistic content, ISO 15924 "Zyyy" no script.
NO_LANGUAGE = Language("zxx", "Zyyy")
NONSENSE = "nonsense"
KINDS = ("random-tokens", "random-punctuation")


def build_nonsense_set(
    kind: Literal["random-tokens", "random-punctuation"],
    tokenizer: Any,
    num_rows: int,
    sequence_length: int,
    seed: int = 0,
) -> CalibrationSet:
    """Builds rows of random tokens, or of random punctuation.

        >>> rows = build_nonsense_set("random-punctuation", tokenizer, num_rows=32, sequence_length=2048)
        >>> MultilingualCalibrationConfig("gptq", calibration_set=rows, evaluation=EvaluationConfig(languages=["en"]))

    Args:
        kind: "random-tokens" draws token ids uniformly, special tokens aside; "random-punctuation" encodes random
            punctuation marks.
        tokenizer: the model's tokenizer.
        num_rows: rows, at least one.
        sequence_length: tokens of a row, as many at the least as in a set of text.
        seed: of a private generator.

    Raises:
        ConfigError: there is no such kind, or no such size.

    Source: the nonsense baselines of Paglieri et al., "Outliers and calibration sets have diminishing effect on
    quantization of modern LLMs" (2024), arXiv 2405.20835.
    """
    if kind not in KINDS:
        raise ConfigError(f"There is no nonsense called {kind!r}; there are {' and '.join(KINDS)}.")
    require_int("num_rows", num_rows, 1)
    require_int("sequence_length", sequence_length, MIN_SEQUENCE_LENGTH)
    require_int("seed", seed, 0)
    prefix = row_prefix(tokenizer)
    generator = random.Random(f"{seed}/{kind}")
    room = sequence_length - len(prefix)
    draw = _random_tokens if kind == "random-tokens" else _random_punctuation
    texts = draw(tokenizer, generator, num_rows * room)
    rows = tuple(
        Row(NO_LANGUAGE, np.array([*prefix, *texts[start : start + room]], dtype=np.int32))
        for start in range(0, num_rows * room, room)
    )
    manifest = Manifest(
        fingerprint=fingerprint_of(rows),
        languages={NO_LANGUAGE.tag: {"rows": num_rows, "tokens": num_rows * sequence_length, "weight": 1.0}},
        sequence_length=sequence_length,
        seed=seed,
        mixture={"kind": kind},
        document_separator="",
        messages=False,
        prefix=list(prefix),
        part=None,
        deduplicated=False,
        corpus={"kind": NONSENSE},
        tokenizer=describe_tokenizer(tokenizer),
        versions=recorded_versions(),
        row_hashes=[hash_of(row) for row in rows],
        documents={},
    )
    return CalibrationSet(rows, manifest)


def _random_tokens(tokenizer: Any, generator: random.Random, needed: int) -> list[int]:
    special = set(tokenizer.all_special_ids)
    ordinary = [token for token in range(len(tokenizer)) if token not in special]
    return generator.choices(ordinary, k=needed)


def _random_punctuation(tokenizer: Any, generator: random.Random, needed: int) -> list[int]:
    encoder = TextEncoder(tokenizer, separator="")
    tokens: list[int] = []
    while len(tokens) < needed:
        marks = "".join(generator.choices(string.punctuation + " ", k=1000))
        tokens += encoder.encode([marks])[0]
    return tokens[:needed]
