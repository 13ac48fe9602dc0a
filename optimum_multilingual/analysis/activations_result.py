"""What the study of activations found, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evaluation.activation_ranges import Ranges, exceeding
from ..evaluation.layer_inputs import LayerInput
from ..languages import Language
from ..report.coverage import Coverage
from ..report.plain_values import to_plain
from ..report.preflight import coverage_of
from .activations_table import format_activations, plain_conclusion
from .language_similarity import clusters, similarities
from .moments import ChannelStatistics

if TYPE_CHECKING:
    import pyarrow

# What the calibration rows are called where languages have their tags.
CALIBRATION = "calibration"

# Of a text, name of each layer input -> what its channels are like.
Statistics = Mapping[str, ChannelStatistics]


@dataclass(frozen=True)
class Activations:
    """What the linear layers of a model receive in each language, and in the calibration rows.

        >>> found = measure_activations("path/or/name", config)
        >>> print(found)                                              # a table, and a paragraph in plain words
        >>> found.languages["swh_Latn"]["model.layers.0.mlp.down_proj"].kurtosis

    Args:
        model: its name.
        inputs: what was measured: each tensor that linear layers receive.
        left_out: linear layers and fused experts that do not see every token.
        calibrated: tags of the languages of the calibration rows.
        calibration: of all calibration rows together.
        languages: of the held-out text of each language, by tag.
        patterns: pooled pictures of the first tokens of each text, by tag (the rows' is "calibration") and layer input, shape
            [2, tokens / 32, channels / 32]: the smallest and the largest value of each square.
    """

    model: str
    inputs: tuple[LayerInput, ...]
    left_out: tuple[str, ...]
    calibrated: tuple[str, ...]
    calibration: Statistics
    languages: Mapping[str, Statistics]
    patterns: Mapping[str, Mapping[str, np.ndarray]]

    def __str__(self) -> str:
        return self.to_markdown()

    @property
    def texts(self) -> dict[str, Statistics]:
        """The calibration rows, then the languages."""
        return {CALIBRATION: self.calibration, **self.languages}

    def tokens(self, tag: str) -> int:
        """How many were seen of a language, or of "calibration"."""
        return next(iter(self.texts[tag].values())).tokens

    def coverage(self) -> tuple[Coverage, ...]:
        """Of each language, how much lies beyond the calibration rows."""
        ranges = {Language.from_tag(tag): _ranges(of_it) for tag, of_it in self.languages.items()}
        tokens = {language: self.tokens(language.tag) for language in ranges}
        calibrated = [Language.from_tag(tag) for tag in self.calibrated]
        return coverage_of(ranges, tokens, _ranges(self.calibration), self.tokens(CALIBRATION), calibrated)

    def exceeding_shares(self) -> np.ndarray:
        """Share of the channels beyond the calibration rows, shape [languages, layer inputs]."""
        calibration = _ranges(self.calibration)
        of_languages = [exceeding(_ranges(of_it), calibration) for of_it in self.languages.values()]
        return np.array([[beyond[each.name].mean() for each in self.inputs] for beyond in of_languages])

    def outlier_shares(self) -> dict[str, float]:
        """Share of outliers of each text: mean over layer inputs of the mean over channels; 0.02 in text like the calibration."""
        return {
            tag: float(np.mean([each.outlier_share.mean() for each in of_it.values()]))
            for tag, of_it in self.texts.items()
        }

    def similarity(self) -> np.ndarray:
        """Cosine similarity of activation norms between each two languages, shape [languages, languages]."""
        return similarities([{name: each.norm for name, each in of_it.items()} for of_it in self.languages.values()])

    def clusters(self) -> list[list[str]]:
        """Tags of the languages that are alike in the model."""
        tags = list(self.languages)
        return [[tags[place] for place in group] for group in clusters(self.similarity())]

    def worst_input(self) -> str:
        """The layer input with the largest share of channels beyond the calibration rows, mean over languages."""
        return self.inputs[int(self.exceeding_shares().mean(0).argmax())].name

    @property
    def conclusion(self) -> str:
        """What came out, in one paragraph of plain words."""
        return plain_conclusion(self)

    def to_markdown(self) -> str:
        """Coverage of every language, clusters, and the conclusion."""
        return format_activations(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single channels as plain JSON values."""
        beyond = self.exceeding_shares()
        return {
            "model": self.model,
            "inputs": to_plain([asdict(each) for each in self.inputs]),
            "left_out": list(self.left_out),
            "calibrated": list(self.calibrated),
            "tokens": {tag: self.tokens(tag) for tag in self.texts},
            "coverage": [{**to_plain(each), "share": each.share} for each in self.coverage()],
            "exceeding_shares": {
                tag: dict(zip((each.name for each in self.inputs), of_it.tolist(), strict=True))
                for tag, of_it in zip(self.languages, beyond, strict=True)
            },
            "outlier_shares": self.outlier_shares(),
            "layers": {
                tag: {name: _summary(each) for name, each in of_it.items()} for tag, of_it in self.texts.items()
            },
            "similarity": {
                tag: dict(zip(self.languages, of_it.tolist(), strict=True))
                for tag, of_it in zip(self.languages, self.similarity(), strict=True)
            },
            "clusters": self.clusters(),
            "conclusion": self.conclusion,
        }

    def to_arrow(self) -> pyarrow.Table:
        """One row for each text, layer input and channel.

        >>> found.to_arrow().to_pandas().groupby(["language", "layer"]).kurtosis.max()
        """
        from .activation_files import arrow_table

        return arrow_table(self.texts)

    def save(self, folder: str | Path, plots: bool = True) -> None:
        """Writes activations.parquet, activations.json, activations.md, patterns.safetensors, and the pictures.

        Args:
            folder: exists.
            plots: draw the pictures, which need matplotlib.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        from .activation_files import write_activations
        from .activation_plots import draw_all

        write_activations(self, Path(folder))
        if plots:
            draw_all(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Activations:
        """Reads back what `save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged.
        """
        from .activation_files import read_activations

        return cls(**read_activations(Path(folder)))


def _ranges(statistics: Statistics) -> Ranges:
    return {name: each.ranges for name, each in statistics.items()}


def _summary(each: ChannelStatistics) -> dict[str, Any]:
    """What one layer input is like, in a few numbers."""
    kurtosis = each.kurtosis[np.isfinite(each.kurtosis)]
    return {
        "minimum": float(each.minimum.min()),
        "maximum": float(each.maximum.max()),
        "absolute_maximum": float(each.absolute_maximum.max()),
        "mean": float(each.mean.mean()),
        "deviation": float(each.deviation.mean()),
        "median_kurtosis": float(np.median(kurtosis)) if len(kurtosis) else None,
        "largest_kurtosis": float(kurtosis.max()) if len(kurtosis) else None,
        "outlier_share": float(each.outlier_share.mean()),
    }
