"""What the study of sizes found: KL by language and size, where each curve flattens, and what choosing rows by KL does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evaluation.bootstrap import percentile_interval
from ..report.plain_values import to_plain
from ..report.pooling import Column
from ..report.scores import Estimate
from .flattening import MEAN, Flattening, find_flattening
from .learning_curve import PowerLaws
from .ranking import Losses
from .size_table import conclusion, selection_sentence, size_table
from .study_files import draw_study, write_study
from .workbench import Measured

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Selection:
    """Rows chosen by their KL, at one size.

    Args:
        rows: of each language that were taken.
        candidates: of each language that they were taken from.
        cells: one for each seed.
    """

    rows: int
    candidates: int
    cells: Sequence[Measured]


@dataclass(frozen=True)
class SufficientSize:
    """How KL falls with the tokens of each language, and from where on it hardly does.

        >>> print(found)                        # table, and a paragraph in plain words
        >>> found.budget.tokens                 # Estimate(value=4096.0, low=3072.0, high=6144.0)
        >>> replace(config, num_rows=None, tokens_per_language=int(found.budget.tokens.value))

    Args:
        name: the method and its bits, in words.
        sequence_length: tokens of a row.
        tolerance: part of KL that a doubling must gain.
        cells: rows of each language -> one measurement for each seed, rising.
        selection: the same with rows chosen by their KL; None where that was not asked for.
        seconds: spent in this run on "reference", "copying", "quantizing", "evaluating", "sets" and "whole".
        computed: how many cells this run added.
    """

    name: str
    sequence_length: int
    tolerance: float
    cells: Mapping[int, Sequence[Measured]]
    selection: Selection | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    computed: int = 0

    def __str__(self) -> str:
        return self.to_markdown()

    @property
    def tokens(self) -> np.ndarray:
        """Tokens of each language at every size, rising."""
        return np.array(list(self.cells)) * self.sequence_length

    @property
    def seeds(self) -> int:
        """Draws of the calibration text behind every number."""
        return len(next(iter(self.cells.values())))

    @cached_property
    def losses(self) -> Losses:
        """KL of every size in every language, with draws that all sizes share."""
        return self._losses({str(rows): of_it for rows, of_it in self.cells.items()})

    @cached_property
    def selected(self) -> Losses | None:
        """KL of the first rows and of those with the highest KL, as many of each language; None without a selection."""
        if self.selection is None:
            return None
        return self._losses({"first": self.cells[self.selection.rows], "highest KL": self.selection.cells})

    def _losses(self, cells: Mapping[str, Sequence[Measured]]) -> Losses:
        settings = next(iter(self.cells.values()))[0].report.evaluation
        sums = {name: [each.documents for each in of_it] for name, of_it in cells.items()}
        return Losses.of(sums, "kl", settings["bootstrap_draws"], settings["confidence"], settings["seed"])

    @cached_property
    def flattenings(self) -> dict[str, Flattening]:
        """Where the mean over languages and each language flattens, by "mean" and tag."""
        values, draws = self.losses.values, self.losses.draws
        curves = {MEAN: (values.mean(axis=1), draws.mean(axis=2))}
        curves |= {tag: (values[:, place], draws[:, :, place]) for place, tag in enumerate(self.losses.languages)}
        confidence = self.losses.confidence
        return {
            name: find_flattening(name, self.tokens, *of_it, self.tolerance, confidence, self.sequence_length)
            for name, of_it in curves.items()
        }

    @property
    def budget(self) -> Flattening:
        """Where the mean over languages flattens: the tokens to give each language."""
        return self.flattenings[MEAN]

    def fitted(self, values: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The power law through one curve, at some numbers of tokens."""
        return PowerLaws.fit(self.tokens, values[None]).at(tokens)[0]

    def change(self, pooled: Any, first: int, second: int, losses: Losses | None = None) -> Estimate:
        """Relative change of a number over languages from one size to another, paired by documents.

        Args:
            pooled: of shape [..., languages] to [...], such as a mean.
            first, second: places of the sizes, or of the two settings of a selection.
            losses: those of the sizes, unless given.
        """
        of_it = self.losses if losses is None else losses
        value, drawn = pooled(of_it.values), pooled(of_it.draws)
        changes = drawn[:, second] / drawn[:, first] - 1
        return Estimate(float(value[second] / value[first] - 1), *percentile_interval(changes, of_it.confidence))

    @property
    def conclusion(self) -> str:
        """What came out, in one paragraph of plain words."""
        return " ".join([conclusion(self), *([selection_sentence(self)] if self.selection else [])])

    def to_markdown(self) -> str:
        """KL with languages down and sizes across, where each flattens, and the conclusion."""
        return f"{size_table(self)}\n\n{self.conclusion}"

    def to_arrow(self) -> pyarrow.Table:
        """One row for each size, choice of rows, seed, language and document: its tokens and its KL."""
        import pyarrow

        cells = [(rows, "first", of_it) for rows, of_it in self.cells.items()]
        if self.selection is not None:
            cells.append((self.selection.rows, "highest-kl", self.selection.cells))
        table: list[dict[str, Any]] = []
        for rows, choice, of_it in cells:
            for measured in of_it:
                assert measured.report.calibration is not None, "every cell was calibrated"
                cell = {"tokens_per_language": rows * self.sequence_length, "rows_per_language": rows, "choice": choice}
                cell["seed"] = measured.report.calibration["seed"]
                for tag, sums in measured.documents.items():
                    for number, document in enumerate(sums):
                        tokens, kl = document[Column.TOKENS], document[Column.KL]
                        of_document = {"document": number, "tokens": int(tokens), "kl": kl / tokens}
                        table.append({**cell, "language": tag, **of_document})
        return pyarrow.Table.from_pylist(table)

    def to_dict(self) -> dict[str, Any]:
        """Sizes, KL, where each curve flattens, the selection and the conclusion as plain JSON values."""
        languages = self.losses.languages
        selected = self.selected
        return {
            "name": self.name,
            "tokens_per_language": self.tokens.tolist(),
            "rows_per_language": list(self.cells),
            "seeds": self.seeds,
            "tolerance": self.tolerance,
            "kl": {tag: to_plain(self.losses.values[:, place].tolist()) for place, tag in enumerate(languages)},
            "flattenings": to_plain(self.flattenings),
            "selection": None
            if selected is None or self.selection is None
            else {
                "rows_per_language": self.selection.rows,
                "candidates_per_language": self.selection.candidates,
                "kl": {
                    name: dict(zip(languages, to_plain(of_it.tolist())))
                    for name, of_it in zip(selected.settings, selected.values)
                },
            },
            "conclusion": self.conclusion,
            "seconds": dict(self.seconds),
        }

    def save(self, folder: str | Path, plots: bool = True) -> None:
        """Writes size.parquet, size.json, size.md, and the pictures curve.png and surface.png.

        Args:
            folder: exists.
            plots: draw the pictures, which need matplotlib.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        folder = Path(folder)
        write_study(folder, "size", self.to_dict(), self.to_markdown(), self.to_arrow())
        if plots:
            from .size_plots import plot_curve, plot_surface

            draw_study(folder, {"curve.png": partial(plot_curve, self), "surface.png": partial(plot_surface, self)})
