"""How every language is measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .languages import Language, find_languages
from .presets import write_out
from .settings import MIN_SEQUENCE_LENGTH, plain, require_int


@dataclass(frozen=True)
class EvaluationConfig:
    """How every language is measured before and after.

        >>> EvaluationConfig(tokens_per_language=50_000, bootstrap_draws=2000)

    Args:
        languages: those to measure, or a preset; none means those of the calibration.
        corpus: held-out text; None takes the part of the calibration corpus that is kept for evaluation. Anything that
            `MultilingualCalibrationConfig.corpus` takes.
        tokens_per_language: text to score in each language, in tokens; a language with less is scored on all it has,
            and never on fewer than eight documents. Of one document no more than this many tokens are scored, its first ones.
        sequence_length: longest window in tokens, documents beyond it are cut; None takes the calibration rows' length.
        stride: new tokens scored in each window after a document's first, so that each has at least sequence_length - stride
            tokens before it; fewer are truer to a long document and slower. None for windows that follow one another.
        batch_tokens: tokens in one forward pass; it is made smaller where memory ends.
        reference_memory: main memory of each process for the hidden states of the reference, in bytes or as "4GB"; what is
            beyond goes to memory-mapped files. None for half of what is free.
        reference_device_memory: the same of the accelerator's memory, which is filled first; quantizing needs room beside it.
        tasks: downstream tasks, groups and tags of lm-evaluation-harness to run before and after; of a group, those in measured
            languages. Where a name does not tell its language, say it: "my_quiz=sw".
        task_folder: YAML files of tasks beside those of lm-evaluation-harness.
        task_limit: items of each task, the first ones; None for all.
        bootstrap_draws: resamples of the documents behind each interval.
        confidence: of each interval, between 0 and 1.
        collapse_threshold: a document whose negative log-likelihood rose by more than this is counted as collapsed, in nats a
            token; 1 is a perplexity e times as high.
        seed: of the choice of documents and of the bootstrap.

    Raises:
        ConfigError: a value that cannot work.
        LanguageError: an unknown or repeated language.
    """

    languages: str | Sequence[str | Language] = ()
    corpus: Any = None
    tokens_per_language: int = 12_288
    sequence_length: int | None = None
    stride: int | None = None
    batch_tokens: int = 4096
    reference_memory: int | str | None = None
    reference_device_memory: int | str = 0
    tasks: Sequence[str] = ()
    task_folder: str | Path | None = None
    task_limit: int | None = None
    bootstrap_draws: int = 1000
    confidence: float = 0.95
    collapse_threshold: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_int("evaluation.tokens_per_language", self.tokens_per_language, 1)
        require_int("evaluation.batch_tokens", self.batch_tokens, 1)
        require_int("evaluation.bootstrap_draws", self.bootstrap_draws, 100)
        if self.sequence_length is not None:
            require_int("evaluation.sequence_length", self.sequence_length, MIN_SEQUENCE_LENGTH)
        if self.stride is not None:
            require_int("evaluation.stride", self.stride, 1)
        if self.reference_memory is not None:
            _require_size("evaluation.reference_memory", self.reference_memory)
        _require_size("evaluation.reference_device_memory", self.reference_device_memory)
        if not (isinstance(self.confidence, int | float) and 0 < self.confidence < 1):
            raise ConfigError(f"evaluation.confidence must be between 0 and 1, such as 0.95, got {self.confidence!r}.")
        if not (isinstance(self.collapse_threshold, int | float) and self.collapse_threshold > 0):
            raise ConfigError(
                f"evaluation.collapse_threshold must be a number of nats above 0, got {self.collapse_threshold!r}."
            )
        require_int("evaluation.seed", self.seed, 0)
        if self.task_limit is not None:
            require_int("evaluation.task_limit", self.task_limit, 1)
        if isinstance(self.tasks, str) or not all(isinstance(name, str) for name in self.tasks):
            raise ConfigError(f"evaluation.tasks must be a list of names such as ['belebele'], got {self.tasks!r}.")
        object.__setattr__(self, "tasks", tuple(self.tasks))
        languages = write_out(self.languages, "evaluation.languages") if self.languages else ()
        object.__setattr__(self, "languages", languages)

    @property
    def resolved_languages(self) -> tuple[Language, ...]:
        """The languages to measure as `Language` objects; empty for those of the calibration."""
        return find_languages(self.languages) if self.languages else ()

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values; a corpus in memory is written as its type's name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            **values,
            "languages": list(map(str, self.languages)),
            "corpus": plain(self.corpus),
            "tasks": list(self.tasks),
            "task_folder": plain(self.task_folder),
        }


def _require_size(name: str, value: Any) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    written = isinstance(value, str) and re.fullmatch(r"[0-9]+[KMG]i?B", value)
    if not (whole or written):
        raise ConfigError(f"{name} must be a number of bytes, or written as '4GB', got {value!r}.")
