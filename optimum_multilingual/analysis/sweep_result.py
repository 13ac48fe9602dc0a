"""What a sweep found: every cell as rows, tables shaped like those of papers, a ranking with intervals, and the pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report.compare import Comparison, compare_reports
from ..report.plain_values import to_plain
from ..report.rows import arrow_table
from .ranking import Losses
from .study_files import draw_study, write_study
from .sweep_plan import Cell, SweepPlan
from .sweep_table import conclusion, group_table
from .workbench import Measured

if TYPE_CHECKING:
    import pyarrow
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Group:
    """The cells of one quantizer and one number of bits, side by side.

    Args:
        quantizer, bits: what they have in common.
        cells: of each setting, one for each seed.
    """

    quantizer: str
    bits: int
    cells: Mapping[str, Sequence[Measured]]

    @property
    def name(self) -> str:
        """Such as "gptq.4bit"."""
        return f"{self.quantizer}.{self.bits}bit"

    @property
    def drawn(self) -> str:
        """How many calibration sets are behind each number, and whether the intervals know."""
        seeds = len(next(iter(self.cells.values())))
        if seeds == 1:
            return "one draw of the calibration text, which the intervals do not cover"
        return f"means over {seeds} draws of the calibration text, which the intervals cover"

    @lru_cache(maxsize=2)  # noqa: B019  the group and this cache live and die with one result
    def losses(self, measure: str) -> Losses:
        """A measure of all settings with intervals: "kl", or "loss" for the negative log-likelihood."""
        evaluation = next(iter(self.cells.values()))[0].report.evaluation
        sums = {name: [measured.documents for measured in of_it] for name, of_it in self.cells.items()}
        return Losses.of(sums, measure, evaluation["bootstrap_draws"], evaluation["confidence"], evaluation["seed"])

    def __hash__(self) -> int:
        return id(self)

    def comparison(self) -> Comparison:
        """The first seed of every setting side by side, with changes and verdicts."""
        reports = [of_it[0].report for of_it in self.cells.values()]
        if len(reports) == 1:
            return Comparison(tuple(reports), tuple(self.cells))
        return replace(compare_reports(reports), labels=tuple(self.cells))


@dataclass(frozen=True)
class Sweep:
    """Every cell of a sweep.

        >>> result = sweep_settings("path/or/name", "beyond-english", "sweep/", corpus="my_texts/")
        >>> print(result)                       # tables, ranking, and a paragraph in plain words
        >>> result.to_arrow().to_pandas()       # one row for each cell and language

    Args:
        plan: what was run.
        cells: each with its measurements, in the plan's order.
        seconds: spent in this run on "reference", "copying", "quantizing", "evaluating", "sets" and "whole"; cells that were
            there already cost nothing.
        computed: how many cells this run added.
    """

    plan: SweepPlan
    cells: Mapping[Cell, Measured]
    seconds: Mapping[str, float] = field(default_factory=dict)
    computed: int = 0

    def __str__(self) -> str:
        return self.to_markdown()

    def groups(self) -> list[Group]:
        """The cells of each quantizer and number of bits."""
        return [
            Group(
                quantizer,
                bits,
                {
                    setting: [self.cells[Cell(setting, quantizer, bits, seed)] for seed in self.plan.seeds]
                    for setting in self.plan.settings
                },
            )
            for quantizer, bits in product(self.plan.quantizers, self.plan.bits)
        ]

    @property
    def conclusion(self) -> str:
        """What came out, in one paragraph of plain words."""
        return " ".join(conclusion(group) for group in self.groups())

    def to_markdown(self) -> str:
        """Tables with languages down and settings across, rankings, the conclusion, and what the sweep cost."""
        parts = [group_table(group) for group in self.groups()]
        return "\n\n".join([*parts, self.conclusion, *([self._cost()] if self.seconds else [])])

    def _cost(self) -> str:
        parts = self.seconds
        needed = parts["quantizing"] + parts["evaluating"] + parts["reference"]
        return (
            f"{self.computed} of {len(self.cells)} cells were computed, the others were there: reference "
            f"{parts['reference']:.1f} s, quantizing {parts['quantizing']:.1f} s, evaluating {parts['evaluating']:.1f} s, "
            f"copying the model {parts['copying']:.1f} s, calibration sets {parts['sets']:.1f} s; "
            f"whole run {parts['whole']:.1f} s"
            + (f" = {parts['whole'] / needed:.2f} x the first three" if needed else "")
        )

    def to_arrow(self) -> pyarrow.Table:
        """One row for each cell and language: the cell's four columns, then those of a report."""
        import pyarrow

        tables = []
        for cell, measured in self.cells.items():
            table = arrow_table([measured.report])
            for place, (name, value) in enumerate(asdict(cell).items()):
                kind = pyarrow.string() if isinstance(value, str) else pyarrow.int64()
                table = table.add_column(place, f"cell_{name}", pyarrow.array([value] * table.num_rows, kind))
            tables.append(table)
        return pyarrow.concat_tables(tables)

    def to_dict(self) -> dict[str, Any]:
        """The plan, the rankings and the conclusion as plain JSON values."""
        return {
            "plan": to_plain(asdict(self.plan)),
            "rankings": {group.name: to_plain(group.losses("kl").ranking()) for group in self.groups()},
            "conclusion": self.conclusion,
            "seconds": dict(self.seconds),
        }

    def save(self, folder: str | Path, plots: bool = True) -> None:
        """Writes sweep.parquet, sweep.json and sweep.md, and a heat map and a ranking of each quantizer and number of bits.

        Args:
            folder: exists.
            plots: draw the pictures, which need matplotlib.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        folder = Path(folder)
        write_study(folder, "sweep", self.to_dict(), self.to_markdown(), self.to_arrow())
        if plots:
            self._draw(folder)

    def _draw(self, folder: Path) -> None:
        from ..report.heat_map import plot_heat_map
        from .ranking_plot import plot_ranking

        def heat_map(group: Group) -> Figure:
            return plot_heat_map(group.comparison())

        def ranking(group: Group) -> Figure:
            losses = group.losses("kl")
            subtitle = f"{group.quantizer}, {group.bits} bits; {group.drawn}; {100 * losses.confidence:g}% intervals"
            return plot_ranking(losses.ranking(), subtitle)

        pictures: dict[str, Callable[[], Figure]] = {}
        for group in self.groups():
            pictures[f"heat-map.{group.name}.png"] = partial(heat_map, group)
            pictures[f"ranking.{group.name}.png"] = partial(ranking, group)
        draw_study(folder, pictures)
