"""What a sweep runs: settings of the calibration set, quantizers, bits and seeds; presets of them, as data."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from ..calibration.published import published_setting
from ..config import SIZES
from ..errors import ConfigError
from ..presets import write_out
from ..settings import require_int

# What a setting may say; the rest of the configuration is the same for all cells.
SETTING_KEYS = ("published", "nonsense", "languages", "mixture", "temperature", *SIZES, "sequence_length")
QUANTIZER_KEYS = ("method", "engine", "group_size", "method_options")

# Names become names of files.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_-]*")


@dataclass(frozen=True)
class Cell:
    """One quantization of a sweep.

    >>> Cell("multi10", "gptq", 4, seed=0).name
    'multi10.gptq.4bit.seed0'
    """

    setting: str
    quantizer: str
    bits: int
    seed: int

    @property
    def name(self) -> str:
        """The cell in one word, which begins the name of its file."""
        return f"{self.setting}.{self.quantizer}.{self.bits}bit.seed{self.seed}"


@dataclass(frozen=True)
class SweepPlan:
    """Settings x quantizers x bits x seeds, and the languages that every cell is measured on.

        >>> plan = SweepPlan(
        ...     settings={"en": {"languages": ["en"]}, "both": {"languages": ["en", "sw"]}},
        ...     quantizers={"gptq": {"method": "gptq"}},
        ...     bits=[3, 4],
        ...     languages=["en", "sw"],
        ... )
        >>> len(list(plan.cells()))
        4

    Args:
        settings: name -> how its calibration set is made: "languages", "mixture", "temperature", one size and "sequence_length"
            as in `MultilingualCalibrationConfig`, "published" for a setting of `published_setting`, or "nonsense" for a
            kind of `build_nonsense_set`.
        quantizers: name -> "method", and "engine", "group_size", "method_options" as in `MultilingualCalibrationConfig`.
        bits: of a weight, for every quantizer.
        languages: those to measure, or a preset.
        seeds: of the draws of the calibration text. With several, intervals cover the draw too.
        title: what is asked, in half a sentence.
        source: where the design was published.

    Raises:
        ConfigError: nothing to run, a name that can be no name of a file, or something a setting cannot say.
        LanguageError: an unknown language.
    """

    settings: Mapping[str, Mapping[str, Any]]
    quantizers: Mapping[str, Mapping[str, Any]]
    bits: Sequence[int]
    languages: str | Sequence[Any]
    seeds: Sequence[int] = (0,)
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        _check_numbers("bits", self.bits, 1)
        _check_numbers("seeds", self.seeds, 0)
        _check_keys("setting", self.settings, SETTING_KEYS)
        _check_keys("quantizer", self.quantizers, QUANTIZER_KEYS)
        object.__setattr__(self, "languages", write_out(self.languages))
        object.__setattr__(self, "settings", {name: _written_out(said) for name, said in self.settings.items()})

    def cells(self) -> Iterator[Cell]:
        """Every quantization, in the order they are run: those of one calibration set together."""
        for setting, seed, quantizer, bits in product(self.settings, self.seeds, self.quantizers, self.bits):
            yield Cell(setting, quantizer, bits, seed)

    def only(
        self,
        settings: Sequence[str] = (),
        quantizers: Sequence[str] = (),
        bits: Sequence[int] = (),
        seeds: Sequence[int] = (),
        languages: Sequence[Any] = (),
        **size: int | None,
    ) -> SweepPlan:
        """The same plan with fewer settings and quantizers, other bits, seeds, languages to measure, or sizes of all sets.

            >>> find_sweep("beyond-english").only(settings=["en", "multi"], quantizers=["gptq"], num_rows=32)

        Args:
            settings, quantizers: names of the plan's; none for all.
            bits, seeds, languages: in place of the plan's; none for those.
            size: "num_rows" or another size, and "sequence_length", in place of that of every setting.

        Raises:
            ConfigError: the plan has no such setting or quantizer.
        """
        given = {name: value for name, value in size.items() if value is not None}
        sized = {
            name: {**{key: value for key, value in said.items() if key not in _replaced_by(given)}, **given}
            for name, said in _chosen("setting", self.settings, settings).items()
        }
        return replace(
            self,
            settings=sized,
            quantizers=_chosen("quantizer", self.quantizers, quantizers),
            bits=bits or self.bits,
            seeds=seeds or self.seeds,
            languages=languages or self.languages,
        )

    @classmethod
    def load(cls, path: str | Path) -> SweepPlan:
        """Reads a plan from a JSON file with the fields of this class.

        Raises:
            ConfigError: the file cannot be read, or holds something else.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} holds no plan of a sweep ({error}); give a JSON file.") from error
        known = {item.name for item in fields(cls)}
        needed = {"settings", "quantizers", "bits", "languages"}
        if not isinstance(values, dict) or not needed <= values.keys() <= known:
            raise ConfigError(
                f"{path} must hold {', '.join(sorted(needed))}, and nothing but {', '.join(sorted(known))}."
            )
        return cls(**values)


def find_sweep(name: str) -> SweepPlan:
    """The plan of a published study: `sweep_names()` lists them, data/sweeps.json says where each comes from.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in _presets():
        nearest = difflib.get_close_matches(name, sweep_names(), n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"There is no sweep called {name!r}.{hint} There are {', '.join(sweep_names())}.")
    return SweepPlan(**_presets()[name])


def sweep_names() -> tuple[str, ...]:
    """The names that `find_sweep` takes."""
    return tuple(_presets())


@lru_cache(maxsize=1)
def _presets() -> dict[str, dict[str, Any]]:
    file = resources.files("optimum_multilingual").joinpath("data", "sweeps.json")
    return json.loads(file.read_text(encoding="utf-8"))


def _check_numbers(name: str, given: Sequence[int], least: int) -> None:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigError(f"{name} of a sweep must be a list such as [{least}, {least + 1}], got {given!r}.")
    for each in given:
        require_int(name, each, least)
    if not given or len(set(given)) < len(given):
        raise ConfigError(f"{name} of a sweep must be one or more, each once, got {list(given)}.")


def _check_keys(what: str, given: Mapping[str, Mapping[str, Any]], known: Sequence[str]) -> None:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{what}s of a sweep must be a mapping of name to what it says, got {given!r}.")
    if not given:
        raise ConfigError(f"{what}s of a sweep must be one or more, got none.")
    for name, said in given.items():
        if not isinstance(said, Mapping):
            raise ConfigError(f"The {what} {name!r} of a sweep must be a mapping of {', '.join(known)}, got {said!r}.")
        if not NAME.fullmatch(name):
            raise ConfigError(f"The {what} {name!r} of a sweep names a file; write letters, digits, +, - and _ only.")
        unknown = sorted(said.keys() - set(known))
        if unknown:
            raise ConfigError(f"The {what} {name!r} cannot say {', '.join(unknown)}; it may say {', '.join(known)}.")


def _written_out(said: Mapping[str, Any]) -> dict[str, Any]:
    """A setting with what a published one says in the place of its name."""
    own = {key: value for key, value in said.items() if key != "published"}
    if "published" not in said:
        return own
    return {**published_setting(said["published"]), **own}


def _replaced_by(size: Mapping[str, int]) -> set[str]:
    return set(size) | (set(SIZES) if set(size) & set(SIZES) else set())


def _chosen(what: str, given: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    unknown = [name for name in names if name not in given]
    if unknown:
        raise ConfigError(f"The sweep has no {what} {', '.join(map(repr, unknown))}; it has {', '.join(given)}.")
    return {name: given[name] for name in names} if names else given
