"""What each engine does of each method, as data: errors, the table in the docs and the command line all read it here."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from packaging.requirements import Requirement

from ..config import SIZES, MultilingualCalibrationConfig
from ..errors import ConfigError, MissingPackageError, ModelError
from .method_options import Option, read_options

ALL_DTYPES = ("float32", "bfloat16", "float16")

# Settings that say how a calibration set is built.
CALIBRATION_SETTINGS = (
    *SIZES,
    "sequence_length",
    "mixture",
    "search_steps",
    "temperature",
    "document_separator",
    "identify_languages",
    "seed",
    "seeds",
    "calibration_set",
)


@dataclass(frozen=True)
class Capability:
    """What one engine does of one method.

        GPTQ = Capability(method="gptq", engine="optimum", title="GPTQ", bits=(2, 3, 4, 8), default_bits=4, ...)

    Args:
        method: its name in a configuration, in lower case.
        engine: the engine's name in a configuration.
        title: what people call the method.
        bits: of a weight, those there are.
        group_sizes: weights that share a scale, those there are; -1 is one group for all inputs of a layer; empty where a
            method has no groups.
        formats: of the checkpoint, the default first; empty where none can be saved.
        packages: requirements such as "gptqmodel>=7.6", by name of the distribution; versions outside are refused.
        extra: of this package, which installs them.
        balance: how the shares of the languages reach the engine unchanged, one sentence.
        needs_calibration: whether it reads a calibration set; one that doesn't has none built.
        default_bits: where none are given; None where there is one choice only.
        default_group_size: where none is given; None where there are no groups.
        devices: where it quantizes, as types of torch.
        dtypes: of the weights it starts from.
        upstream: class of the upstream config object that stands for it; None where there is none.
        options: those that only this method has.
        loader: "module:class" that loads the checkpoint with its `from_pretrained`.
        tolerance: largest difference between logits in memory and after loading, over their norm; 0 where the same kernel
            computes both.
        source: the paper, or the engine's own description.
        unsaved: why no checkpoint is saved, and what leaves one; empty where one is.
    """

    method: str
    engine: str
    title: str
    bits: tuple[int, ...]
    group_sizes: tuple[int, ...]
    formats: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str
    balance: str
    needs_calibration: bool = True
    default_bits: int | None = None
    default_group_size: int | None = None
    devices: tuple[str, ...] = ("cpu", "cuda")
    dtypes: tuple[str, ...] = ALL_DTYPES
    upstream: str | None = None
    options: tuple[Option, ...] = ()
    loader: str = "transformers:AutoModelForCausalLM"
    tolerance: float = 0.0
    source: str = ""
    unsaved: str = ""

    @property
    def name(self) -> str:
        """The method and its engine, for messages."""
        return f"{self.method!r} by {self.engine}"

    def bits_of(self, config: MultilingualCalibrationConfig) -> int:
        """The bits a configuration asks for.

        Raises:
            ConfigError: the method cannot do these.
        """
        bits = (self.default_bits or self.bits[0]) if config.bits is None else config.bits
        if bits not in self.bits:
            raise ConfigError(f"{self.name} cannot do bits={bits!r}; allowed are {_listed(self.bits)}.")
        return bits

    def group_size_of(self, config: MultilingualCalibrationConfig) -> int | None:
        """The group size a configuration asks for; None where the method has none.

        Raises:
            ConfigError: the method cannot do this one.
        """
        size = self.default_group_size if config.group_size is None else config.group_size
        if size is not None and not self.group_sizes:
            raise ConfigError(f"{self.name} has no groups, got group_size={size!r}; leave group_size out.")
        if size is not None and size not in self.group_sizes:
            raise ConfigError(f"{self.name} cannot do group_size={size!r}; allowed are {_listed(self.group_sizes)}.")
        return size

    def options_of(self, config: MultilingualCalibrationConfig) -> dict[str, Any]:
        """Every option of the method, as given or by default.

        Raises:
            ConfigError: an unknown option, or a value it cannot have.
        """
        return read_options(self.name, self.options, config.method_options)

    def check_calibration(self, config: MultilingualCalibrationConfig) -> None:
        """Refuses settings of a calibration set for a method that reads none.

        Raises:
            ConfigError: names them.
        """
        if self.needs_calibration:
            return
        defaults = {item.name: item.default for item in fields(config) if item.default is not MISSING}
        given = [name for name in CALIBRATION_SETTINGS if getattr(config, name) != defaults[name]]
        if given:
            raise ConfigError(
                f"{self.name} needs no calibration, so no set is built and {', '.join(given)} would do nothing; leave that "
                "out. What languages are measured on is said by languages=, corpus= and evaluation=EvaluationConfig(...)."
            )

    def require_saving(self) -> None:
        """Refuses to save what the method makes, where no checkpoint of it would load.

        Raises:
            ConfigError: says why, and which methods leave one.
        """
        if self.unsaved:
            raise ConfigError(f"A model quantized with {self.name} cannot be saved: {self.unsaved}")

    def check_dtype(self, model: Any) -> None:
        """Refuses a model whose weights have a type the engine does not start from.

        Raises:
            ModelError: says which types it does.
        """
        dtype = str(model.dtype).removeprefix("torch.")
        if dtype not in self.dtypes:
            raise ModelError(
                f"{self.name} starts from weights in {_listed(self.dtypes)}; those of {type(model).__name__} are {dtype}. "
                f"Load it so: from_pretrained(..., dtype={self.dtypes[0]!r})."
            )

    def require_packages(self) -> None:
        """Checks that the packages are there in versions that work, without importing them.

        Raises:
            MissingPackageError: names them, with the exact pip line.
        """
        wrong = [problem for requirement in self.packages if (problem := _problem(Requirement(requirement)))]
        if wrong:
            raise MissingPackageError(
                f'{self.name} needs {" and ".join(wrong)}. Run: pip install "optimum-multilingual[{self.extra}]"'
            )

    def versions(self) -> dict[str, str]:
        """The packages and their versions."""
        names = [Requirement(requirement).name for requirement in self.packages]
        return {name: version(name) for name in names}


def _problem(requirement: Requirement) -> str | None:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement}, which is not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"{requirement}, and {installed} is installed"


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values))
