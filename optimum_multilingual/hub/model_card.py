"""The model card: what was given, what was measured, and what it was made with, as one text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..calibration.calibration_set import Manifest
from ..languages import Language
from ..report.multilingual_report import MultilingualReport
from .checkpoint_folder import CheckpointFolder
from .licence import Licence
from .recipe import Recipe, recipe_of


@dataclass(frozen=True)
class Given:
    """What the user says.

    Args:
        repo_id: owner/name of the repository it is published in.
        base_model: the model it was made from: its name on the Hub, or the name of a folder; None where unknown.
        base_revision: the commit, on the Hub.
        base_is_public: whether the base model is named as one of the Hub.
        licence: None where it is not known.
        no_licence: why it is not.
        revision: branch it is published on; None for the default one.
    """

    repo_id: str
    base_model: str | None
    base_revision: str | None
    base_is_public: bool
    licence: Licence | None
    no_licence: str = ""
    revision: str | None = None


@dataclass(frozen=True)
class Measured:
    """What was measured, and on what it was calibrated.

    Args:
        report: what each language lost; None where nothing was measured.
        manifest: of the calibration set; None where there was none.
        plots: names of the pictures beside the card.
    """

    report: MultilingualReport | None
    manifest: Manifest | None
    plots: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[Language, ...]:
        """Those calibrated on and those measured, each once."""
        calibrated = () if self.manifest is None else tuple(self.manifest.languages)
        measured = () if self.report is None else tuple(score.language for score in self.report.scores)
        tags = dict.fromkeys((*calibrated, *measured))
        return tuple(language for tag in tags if (language := Language.from_tag(tag)).code != "zxx")


@dataclass(frozen=True)
class Environment:
    """What it was made with.

    Args:
        method: name of the method; None where this package did not do it.
        engine: which did it.
        quantization: `quantization_config` of config.json.
        setting: bits, groups, kernel and the like, as the report or the provenance has them.
        versions: of the packages that took part.
    """

    method: str | None
    engine: str | None
    quantization: dict[str, Any]
    setting: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def bits(self) -> int | None:
        """Bits of a weight; None where nothing says so."""
        found = self.setting.get("bits", self.quantization.get("bits"))
        return found if isinstance(found, int) else None


@dataclass(frozen=True)
class CardFacts:
    """All that a card says.

        facts = CardFacts.of(checkpoint, given, plots=("plots/damage.png",))
        card_data(facts)             its front matter
        card_body(facts)             its text

    Args:
        given: by the user.
        measured: of each language.
        environment: it was made with.
        recipe: how it is made again; None where this package did not make it.
    """

    given: Given
    measured: Measured
    environment: Environment
    recipe: Recipe | None

    @classmethod
    def of(cls, checkpoint: CheckpointFolder, given: Given, plots: tuple[str, ...] = ()) -> CardFacts:
        """What a checkpoint and its user say."""
        provenance, report, manifest = checkpoint.provenance, checkpoint.report, checkpoint.manifest
        told: dict[str, Any] = {
            key: provenance[key] for key in ("method", "engine", "bits", "group_size") if key in provenance
        }
        setting = {**told, **(report.setting if report is not None else {})}
        environment = Environment(
            method=provenance.get("method") or checkpoint.quantization.get("quant_method"),
            engine=provenance.get("engine"),
            quantization=checkpoint.quantization,
            setting={
                key: value for key, value in setting.items() if value is not None and key not in ("model", "revision")
            },
            versions=provenance.get("versions", {}),
        )
        name, revision = given.base_model or OWN_MODEL, given.base_revision
        recipe = recipe_of(name, revision, provenance, manifest, report)
        return cls(given, Measured(report, manifest, plots), environment, recipe)


# Stands for a model whose name is not known.
OWN_MODEL = "path/or/name"
