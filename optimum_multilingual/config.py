"""What a user asks for: which method, which languages, which text, how much of it, and how it is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import ConfigError
from .languages import Language, find_languages
from .presets import AUTO, write_out

QUANT_METHOD = "multilingual"
MIXTURES = ("uniform", "proportional")
SEPARATORS = ("newline", "eos")
MIN_SEQUENCE_LENGTH = 16


@dataclass
class EvaluationConfig:
    """How every language is measured before and after.

        >>> EvaluationConfig(tokens_per_language=50_000, bootstrap_draws=2000)

    Args:
        languages: those to measure, or a preset; none means those of the calibration.
        corpus: held-out text; None takes the part of the calibration corpus that is kept for evaluation. Anything that
            `MultilingualCalibrationConfig.corpus` takes.
        tokens_per_language: text to score in each language, in tokens; a language with less is scored on all it has,
            and never on fewer than eight documents.
        sequence_length: longest window in tokens, documents beyond it are cut; None takes the calibration rows' length.
        batch_tokens: tokens in one forward pass.
        bootstrap_draws: resamples of the documents behind each interval.
        confidence: of each interval, between 0 and 1.
        seed: of the choice of documents and of the bootstrap.

    Raises:
        ConfigError: a value that cannot work.
        LanguageError: an unknown or repeated language.
    """

    languages: str | Sequence[str | Language] = ()
    corpus: Any = None
    tokens_per_language: int = 12_288
    sequence_length: int | None = None
    batch_tokens: int = 4096
    bootstrap_draws: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        _require_int("evaluation.tokens_per_language", self.tokens_per_language, 1)
        _require_int("evaluation.batch_tokens", self.batch_tokens, 1)
        _require_int("evaluation.bootstrap_draws", self.bootstrap_draws, 100)
        if self.sequence_length is not None:
            _require_int("evaluation.sequence_length", self.sequence_length, MIN_SEQUENCE_LENGTH)
        if not (isinstance(self.confidence, int | float) and 0 < self.confidence < 1):
            raise ConfigError(f"evaluation.confidence must be between 0 and 1, such as 0.95, got {self.confidence!r}.")
        self.languages = write_out(self.languages, "evaluation.languages") if self.languages else ()

    @property
    def resolved_languages(self) -> tuple[Language, ...]:
        """The languages to measure as `Language` objects; empty for those of the calibration."""
        return find_languages(self.languages) if self.languages else ()

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values; a corpus in memory is written as its type's name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**values, "languages": list(map(str, self.languages)), "corpus": _plain(self.corpus)}


@dataclass
class MultilingualCalibrationConfig:
    """Quantizes with a language-balanced calibration set and reports what each language lost.

        >>> config = MultilingualCalibrationConfig("gptq", bits=4, languages=["en", "sw", "zh"])
        >>> model = AutoModelForCausalLM.from_pretrained("path/or/name", quantization_config=config)
        >>> print(model.multilingual_report)

    Args:
        method: the name of a method ("gptq"), or an upstream config object such as `GPTQConfig(bits=4, desc_act=True)`,
            which is used as it is.
        bits: bits of a quantized weight, 4 unless given. Only with a method's name.
        group_size: weights that share a scale; 128 unless given, or the largest smaller size that divides every layer of
            a model that 128 does not fit. Only with a method's name.
        languages: names, codes or tags, each at most once, or the name of a preset, alone or among them; "auto" means
            those on the model's card. May be left out when `calibration_set` is given.
        corpus: where the text comes from: "embedded", a folder, a mapping of language to file or texts, a
            `datasets.Dataset`, or any object with the methods of `corpora.Corpus`.
        text_column: the key or column that holds the text.
        language_column: the column that holds the language, in a `datasets.Dataset`.
        mixture: the languages' shares of the rows: "uniform", "proportional" to the text there is, or a mapping of
            language to weight.
        temperature: with "proportional", shares go as text ** (1 / temperature): 1 is proportional, more is flatter.
        num_rows: rows of all languages together. Default: 128.
        tokens_per_language: the size given the other way, for a uniform mixture; rounded up to whole rows. The embedded
            corpus is small, and with it the default is 3072 tokens in each language.
        sequence_length: tokens of a row. Default: 2048 or the model's maximum; 512 with the embedded corpus.
        document_separator: what stands between two documents of a row: "newline" or "eos".
        seed: of the choice and order of the documents.
        tokenizer: a tokenizer or its name; None finds it beside the model.
        calibration_set: a set built before, or the folder it was saved in, in place of building one.
        evaluation: how languages are measured; None leaves the measuring out, but keeps text apart for it all the same.

    Raises:
        ConfigError: a value, or a combination of values, that cannot work.
        LanguageError: an unknown, repeated or missing language.
    """

    method: Any = "gptq"
    bits: int | None = None
    group_size: int | None = None
    languages: str | Sequence[str | Language] = ()
    corpus: Any = "embedded"
    text_column: str = "text"
    language_column: str = "language"
    mixture: str | Mapping[str | Language, float] = "uniform"
    temperature: float = 1.0
    num_rows: int | None = None
    tokens_per_language: int | None = None
    sequence_length: int | None = None
    document_separator: str = "newline"
    seed: int = 0
    tokenizer: Any = None
    calibration_set: Any = None
    evaluation: EvaluationConfig | None = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        needed = self.calibration_set is None or self.languages
        self.languages = write_out(self.languages) if needed else ()
        self._check_method()
        self._check_size()
        self._check_mixture()
        if self.document_separator not in SEPARATORS:
            raise ConfigError(f"document_separator must be one of {SEPARATORS}, got {self.document_separator!r}.")
        if isinstance(self.evaluation, Mapping):
            self.evaluation = _from_known_keys(EvaluationConfig, self.evaluation)
        if not isinstance(self.evaluation, EvaluationConfig | None):
            raise ConfigError(
                "evaluation must be an EvaluationConfig or a mapping of its settings, or None to leave the measuring out, "
                f"got {self.evaluation!r}."
            )

    @property
    def resolved_languages(self) -> tuple[Language, ...]:
        """The languages as `Language` objects; empty only where a calibration set brings its own."""
        return find_languages(self.languages) if self.languages else ()

    @property
    def weights(self) -> dict[Language, float] | None:
        """The explicit weight of each language; None where the mixture is named."""
        if isinstance(self.mixture, str):
            return None
        return dict(zip(find_languages(self.mixture), map(float, self.mixture.values()), strict=True))

    @property
    def quant_method(self) -> str:
        """The name under which Transformers finds our quantizer."""
        return QUANT_METHOD

    def __deepcopy__(self, memo: dict[int, Any]) -> MultilingualCalibrationConfig:
        # from_pretrained deep-copies its arguments; a streaming dataset or a generator cannot be copied, and the config
        # is not changed after it was made.
        return self

    def _check_method(self) -> None:
        if isinstance(self.method, str):
            return
        if not hasattr(self.method, "quant_method"):
            raise ConfigError(
                "method must be a name such as 'gptq' or an upstream config such as GPTQConfig(bits=4), got "
                f"{type(self.method).__name__}."
            )
        for name in ("bits", "group_size"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"{name}={getattr(self, name)} was given beside a {type(self.method).__name__}; the upstream config "
                    f"is used as it is, so set {name} in it."
                )

    def _check_size(self) -> None:
        for name in ("num_rows", "tokens_per_language"):
            if getattr(self, name) is not None:
                _require_int(name, getattr(self, name), 1)
        if self.sequence_length is not None:
            _require_int("sequence_length", self.sequence_length, MIN_SEQUENCE_LENGTH)
        if self.num_rows is not None and self.tokens_per_language is not None:
            raise ConfigError("num_rows and tokens_per_language both say how large the set is; give one of them.")
        if self.num_rows is not None and self.num_rows < len(self.languages):
            raise ConfigError(
                f"num_rows={self.num_rows} is less than one row for each of {len(self.languages)} languages; give at "
                f"least {len(self.languages)} rows, or fewer languages."
            )
        if self.tokens_per_language is not None and self.mixture != "uniform":
            raise ConfigError(
                "tokens_per_language means the same for every language; with another mixture give num_rows."
            )

    def _check_mixture(self) -> None:
        if not isinstance(self.mixture, Mapping):
            if self.mixture not in MIXTURES:
                raise ConfigError(
                    f"mixture must be one of {MIXTURES} or a mapping of language to weight, got {self.mixture!r}."
                )
        else:
            self._check_weights(self.mixture)
        if not (isinstance(self.temperature, int | float) and 0 < self.temperature < math.inf):
            raise ConfigError(f"temperature must be a number above 0, got {self.temperature!r}.")
        if self.temperature != 1 and self.mixture != "proportional":
            raise ConfigError("temperature flattens proportional shares; give it only with mixture='proportional'.")

    def _check_weights(self, mixture: Mapping[Any, Any]) -> None:
        weighted = find_languages(mixture)
        if AUTO not in self.languages and set(weighted) != set(self.resolved_languages):
            raise ConfigError(
                f"mixture has weights for {_tags(weighted)}; languages are {_tags(self.resolved_languages)}. Both must "
                "name the same languages."
            )
        for language, weight in mixture.items():
            if not (isinstance(weight, int | float) and 0 < weight < math.inf):
                raise ConfigError(f"The weight of {language} must be a number above 0, got {weight!r}.")

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values.

        A corpus or tokenizer that is an object in memory is written as its type's name; such a config can be read by
        people but not by `from_dict`.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["quant_method"] = QUANT_METHOD
        values["method"] = self.method if isinstance(self.method, str) else self.method.to_dict()
        values["languages"] = [str(language) for language in self.languages]
        if isinstance(self.mixture, Mapping):
            values["mixture"] = {str(language): weight for language, weight in self.mixture.items()}
        for name in ("corpus", "tokenizer", "calibration_set"):
            values[name] = _plain(values[name])
        if self.evaluation is not None:
            values["evaluation"] = self.evaluation.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MultilingualCalibrationConfig:
        """Reads back what `to_dict` wrote.

        Raises:
            ConfigError: an unknown key, or an object in memory that was written as its type's name only.
        """
        values = {key: value for key, value in values.items() if key != "quant_method"}
        if isinstance(values.get("method"), Mapping):
            from transformers.quantizers.auto import AutoQuantizationConfig

            values["method"] = AutoQuantizationConfig.from_dict(dict(values["method"]))
        return _from_known_keys(cls, values)


def _plain(given: Any) -> Any:
    if isinstance(given, str | Path):
        return str(given)
    if isinstance(given, Mapping) and all(isinstance(value, str | Path) for value in given.values()):
        return {str(language): str(path) for language, path in given.items()}
    return given if given is None else {"in_memory": type(given).__name__}


def _from_known_keys(cls: Any, values: Mapping[str, Any]) -> Any:
    known = {item.name for item in fields(cls)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{cls.__name__} has no setting {key!r}; it has {', '.join(sorted(known))}.")
        if isinstance(value, Mapping) and "in_memory" in value:
            raise ConfigError(f"{key} was a {value['in_memory']} in memory, which cannot be read back; give it again.")
    return cls(**values)


def _require_int(name: str, value: Any, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigError(f"{name} must be a whole number of at least {minimum}, got {value!r}.")


def _tags(languages: Sequence[Language]) -> str:
    return ", ".join(sorted(language.tag for language in languages))
