"""What a user asks for: which method, which languages, which text, how much of it, and how it is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import ConfigError
from .evaluation_config import EvaluationConfig
from .languages import Language, find_languages
from .presets import AUTO, write_out
from .settings import MIN_SEQUENCE_LENGTH, from_known_keys, plain, require_int

QUANT_METHOD = "multilingual"
MIXTURES = ("uniform", "proportional", "minimax")
SEPARATORS = ("newline", "eos")
DEFAULT_SEARCH_STEPS = 12
SIZES = ("num_rows", "total_tokens", "tokens_per_language", "bytes_per_language", "characters_per_language")


@dataclass(frozen=True)
class MultilingualCalibrationConfig:
    """Quantizes with a language-balanced calibration set and reports what each language lost.

        >>> config = MultilingualCalibrationConfig("gptq", bits=4, languages=["en", "sw", "zh"])
        >>> model = AutoModelForCausalLM.from_pretrained("path/or/name", quantization_config=config)
        >>> print(model.multilingual_report)

    Args:
        method: the name of a method (`optimum-cli multilingual methods` lists them), or an upstream config object such as
            `GPTQConfig(bits=4, desc_act=True)`, which is used as it is.
        bits: bits of a quantized weight, the method's default unless given. Only with a method's name.
        group_size: weights that share a scale, the method's default unless given; "gptq" takes 128, or the largest smaller
            size that divides every layer of a model that 128 does not fit. Only with a method's name.
        engine: which of the engines that do the method; None takes the first that `methods` lists.
        method_options: options that only this method has, such as {"smoothing_strength": 0.5}; `methods NAME` lists them
            with what they may be. Only with a method's name.
        languages: names, codes or tags, each at most once, or the name of a preset, alone or among them; "auto" means
            those on the model's card. May be left out when `calibration_set` is given. A method that needs no calibration
            has no set built: these are then the languages to measure, and settings of a set are refused.
        corpus: where the text comes from: "embedded", a name of the catalogue such as "fineweb2", a folder, a mapping of
            language to file or texts, a `datasets.Dataset`, or any object with the methods of `corpora.Corpus`.
        text_column: the key or column that holds the text.
        language_column: the column that holds the language, in a `datasets.Dataset`.
        mixture: the languages' shares of the rows: "uniform", "proportional" to the text there is, a mapping of language to
            weight, or "minimax": `from_pretrained` searches the shares whose worst language loses least, with the model in
            memory twice; it takes as many quantizations as the search has steps, and needs num_rows.
        search_steps: with "minimax", the most mixtures to try.
        temperature: with "proportional", shares go as text ** (1 / temperature): 1 is proportional, more is flatter.
        num_rows: rows of all languages together. Default: 128.
        total_tokens: the size given as tokens of all languages together, rounded down to whole rows.
        tokens_per_language: the size given for each language of a uniform mixture, rounded up to whole rows. The embedded
            corpus is small, and with it the default is 3072 tokens in each language.
        bytes_per_language: the size given as text of each language, so that a language whose words are cut into many
            tokens gets as much text as the others, in more rows; rounded to whole rows.
        characters_per_language: the same in characters.
        sequence_length: tokens of a row. Default: 2048 or the model's maximum; 512 with the embedded corpus.
        document_separator: what stands between two documents of a row: "newline" or "eos".
        messages: take chats instead of texts: under `text_column` stands a list of {"role", "content"} messages, and rows
            are built through the tokenizer's chat template.
        deduplicate: leave out texts that equal or nearly equal an earlier one of their language.
        identify_languages: check by a language identifier that each language's rows are in it, and report the result in
            the manifest; no row is dropped.
        cache: keep built sets under the Hugging Face cache, where the corpus has an identity that can be compared.
        seed: of the choice and order of the documents.
        seeds: calibration sets to draw, with seed, seed + 1 and so on. The first makes the model; with each other one a copy of
            the model is quantized and measured, and the report says how much its numbers depend on the draw.
        tokenizer: a tokenizer or its name; None finds it beside the model.
        calibration_set: a set built before, or the folder it was saved in, in place of building one.
        evaluation: how languages are measured; None leaves the measuring out, but keeps text apart for it all the same.
        check_coverage: where a language is measured that is not calibrated on, hold its activations against those of the
            calibration rows before the engine runs, which takes one more pass over them, and warn where it goes beyond.

    Raises:
        ConfigError: a value, or a combination of values, that cannot work.
        LanguageError: an unknown, repeated or missing language.
    """

    method: Any = "gptq"
    bits: int | None = None
    group_size: int | None = None
    engine: str | None = None
    method_options: Mapping[str, Any] = field(default_factory=dict)
    languages: str | Sequence[str | Language] = ()
    corpus: Any = "embedded"
    text_column: str = "text"
    language_column: str = "language"
    mixture: str | Mapping[str | Language, float] = "uniform"
    search_steps: int = DEFAULT_SEARCH_STEPS
    temperature: float = 1.0
    num_rows: int | None = None
    total_tokens: int | None = None
    tokens_per_language: int | None = None
    bytes_per_language: int | None = None
    characters_per_language: int | None = None
    sequence_length: int | None = None
    document_separator: str = "newline"
    messages: bool = False
    deduplicate: bool = True
    identify_languages: bool = False
    cache: bool = True
    seed: int = 0
    seeds: int = 1
    tokenizer: Any = None
    calibration_set: Any = None
    evaluation: EvaluationConfig | None = field(default_factory=EvaluationConfig)
    check_coverage: bool = True

    def __post_init__(self) -> None:
        needed = self.calibration_set is None or self.languages
        object.__setattr__(self, "languages", write_out(self.languages) if needed else ())
        require_int("seed", self.seed, 0)
        require_int("seeds", self.seeds, 1)
        self._check_method()
        self._check_size()
        self._check_mixture()
        self._check_calibration_set()
        if self.document_separator not in SEPARATORS:
            raise ConfigError(f"document_separator must be one of {SEPARATORS}, got {self.document_separator!r}.")
        if isinstance(self.evaluation, Mapping):
            object.__setattr__(self, "evaluation", from_known_keys(EvaluationConfig, self.evaluation))
        if self.seeds > 1 and self.evaluation is None:
            raise ConfigError(
                f"seeds={self.seeds} repeats the measurement, and evaluation=None leaves it out; give one of them."
            )
        if not isinstance(self.evaluation, EvaluationConfig | None):
            raise ConfigError(
                "evaluation must be an EvaluationConfig or a mapping of its settings, or None to leave the measuring out, "
                f"got {self.evaluation!r}."
            )
        self._check_search()

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
        # from_pretrained deep-copies its arguments; a streaming dataset or a generator cannot be copied, and a frozen
        # config need not be.
        return self

    def _check_method(self) -> None:
        if not isinstance(self.engine, str | None):
            raise ConfigError(f"engine must be a name such as 'optimum', or None, got {self.engine!r}.")
        if not (
            isinstance(self.method_options, Mapping) and all(isinstance(name, str) for name in self.method_options)
        ):
            raise ConfigError(f"method_options must be a mapping of option to value, got {self.method_options!r}.")
        if isinstance(self.method, str):
            return
        if not hasattr(self.method, "quant_method"):
            raise ConfigError(
                "method must be a name such as 'gptq' or an upstream config such as GPTQConfig(bits=4), got "
                f"{type(self.method).__name__}."
            )
        for name in ("bits", "group_size", "method_options"):
            if getattr(self, name) not in (None, {}):
                raise ConfigError(
                    f"{name}={getattr(self, name)} was given beside a {type(self.method).__name__}; the upstream config "
                    f"is used as it is, so set {name} in it."
                )

    def _check_size(self) -> None:
        given = {name: getattr(self, name) for name in SIZES if getattr(self, name) is not None}
        for name, value in given.items():
            require_int(name, value, 1)
        if self.sequence_length is not None:
            require_int("sequence_length", self.sequence_length, MIN_SEQUENCE_LENGTH)
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(given)} all say how large the set is; give one of them.")
        if self.num_rows is not None and self.num_rows < len(self.languages):
            raise ConfigError(
                f"num_rows={self.num_rows} is less than one row for each of {len(self.languages)} languages; give at "
                f"least {len(self.languages)} rows, or fewer languages."
            )
        for name in given:
            if name.endswith("_per_language") and self.mixture != "uniform":
                raise ConfigError(f"{name} means the same for every language; with another mixture give num_rows.")

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

    def _check_search(self) -> None:
        require_int("search_steps", self.search_steps, 2)
        if self.mixture != "minimax":
            if self.search_steps != DEFAULT_SEARCH_STEPS:
                raise ConfigError("search_steps belongs to a search for shares; give it only with mixture='minimax'.")
            return
        if self.num_rows is None:
            raise ConfigError("A minimax mixture divides a fixed number of rows; give num_rows, and no other size.")
        if AUTO not in self.languages and len(self.languages) < 2:
            raise ConfigError(f"A mixture is of two or more languages, got {len(self.languages)}.")
        if self.evaluation is None or self.evaluation.languages:
            raise ConfigError(
                "The languages of a minimax mixture are measured; give an evaluation without languages of its own."
            )

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

    def _check_calibration_set(self) -> None:
        if self.calibration_set is None:
            return
        names = (*SIZES, "sequence_length", "mixture", "document_separator", "identify_languages", "seed", "seeds")
        defaults = {item.name: item.default for item in fields(self)}
        given = [name for name in names if getattr(self, name) != defaults[name]]
        if given:
            raise ConfigError(
                f"calibration_set is built already, with its own rows and shares; {', '.join(given)} cannot change it. Leave "
                "that out, or leave calibration_set out to have a set built."
            )

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values.

        A corpus or tokenizer that is an object in memory is written as its type's name; such a config can be read by
        people but not by `from_dict`.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["quant_method"] = QUANT_METHOD
        values["method"] = self.method if isinstance(self.method, str) else self.method.to_dict()
        values["method_options"] = dict(self.method_options)
        values["languages"] = [str(language) for language in self.languages]
        if isinstance(self.mixture, Mapping):
            values["mixture"] = {str(language): weight for language, weight in self.mixture.items()}
        for name in ("corpus", "tokenizer", "calibration_set"):
            values[name] = plain(values[name])
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
        return from_known_keys(cls, values)


def _tags(languages: Sequence[Language]) -> str:
    return ", ".join(sorted(language.tag for language in languages))
