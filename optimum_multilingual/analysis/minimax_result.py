"""What the search for a minimax mixture found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.bootstrap import percentile_interval
from ..languages import Language
from ..report.aligned import aligned
from ..report.plain_values import to_plain
from ..report.scores import Estimate
from .ranking import Losses
from .study_files import draw_study, write_study


@dataclass(frozen=True)
class Step:
    """One mixture that was tried.

    Args:
        shares: of each language as the search wanted them, summing to one.
        rows: of each language as they were measured; a language gets no more than its text and its limit allow.
        damages: KL to the reference of each language on the tuning text of the search, nats a token.
    """

    shares: tuple[float, ...]
    rows: tuple[int, ...]
    damages: tuple[float, ...]

    @property
    def measured_shares(self) -> tuple[float, ...]:
        """Of each language among the rows: the same mixture for any other call."""
        return tuple(count / sum(self.rows) for count in self.rows)

    @property
    def worst(self) -> float:
        """The largest damage; infinite where one is no number."""
        return max(self.damages) if all(map(np.isfinite, self.damages)) else np.inf

    @property
    def mean(self) -> float:
        """The mean over languages; infinite where a damage is no number."""
        return float(np.mean(self.damages)) if all(map(np.isfinite, self.damages)) else np.inf


@dataclass(frozen=True)
class MinimaxMixture:
    """Shares whose worst language loses least, or the uniform ones where none was better beyond noise.

        >>> print(found)                    # the shares, the steps, and a paragraph in plain words
        >>> found.shares                    # {'eng_Latn': 0.41, 'swh_Latn': 0.22, ...}: goes into mixture=

    Args:
        name: the model, method and bits, and the rows, in words.
        shares: language tag to share of the rows that were measured; with the same num_rows they give exactly those rows.
        improved: whether these are other than uniform.
        uniform, minimax: KL of the two on text the search did not see, by tag.
        worst_change: of the worst language's KL there from uniform to the best mixture tried, relative, with its interval.
        mean_change: the same of the mean over languages.
        languages: in the order of the steps' numbers.
        steps: every mixture that was tried, the uniform one first; no two have the same rows.
        best: the one whose worst language lost least on the text of the search, of those that keep the mean.
        seconds: spent on "reference", "copying", "quantizing" and "evaluating".
    """

    name: str
    shares: Mapping[str, float]
    improved: bool
    uniform: Mapping[str, float]
    minimax: Mapping[str, float]
    worst_change: Estimate
    mean_change: Estimate
    languages: tuple[str, ...]
    steps: tuple[Step, ...]
    best: Step
    seconds: Mapping[str, float]

    @classmethod
    def of(
        cls,
        name: str,
        languages: Sequence[Language],
        steps: Sequence[Step],
        best: Step,
        losses: Losses,
        seconds: Mapping[str, float],
    ) -> MinimaxMixture:
        """Decides: the best mixture is taken only if the whole interval of the worst language's change lies below zero."""
        tags = tuple(language.tag for language in languages)
        worst_change = _change(losses, lambda of_settings: of_settings.max(axis=-1))
        mean_change = _change(losses, lambda of_settings: of_settings.mean(axis=-1))
        improved = worst_change.high < 0
        shares = (best if improved else steps[0]).measured_shares
        uniform, minimax = (dict(zip(losses.languages, map(float, of_it))) for of_it in losses.values)
        return cls(
            name,
            dict(zip(tags, shares)),
            improved,
            uniform,
            minimax,
            worst_change,
            mean_change,
            tags,
            tuple(steps),
            best,
            seconds,
        )

    def __str__(self) -> str:
        return self.to_markdown()

    @property
    def best_is_uniform(self) -> bool:
        """Whether nothing that was tried was better than uniform shares on the text of the search."""
        return self.best.rows == self.steps[0].rows

    @property
    def conclusion(self) -> str:
        """What came out, in one paragraph of plain words."""
        if self.best_is_uniform:
            return self._nothing_better()
        if not np.isfinite(self.worst_change.value):
            return (
                f"The best of {len(self.steps)} mixtures or the uniform one breaks a language on text that the search did not "
                "see, so they cannot be compared and the shares are uniform: unresolved."
            )
        before, after = _worst(self.uniform), _worst(self.minimax)
        numbers = (
            f"on text that the search did not see, the worst language goes from {before} with uniform shares to {after}, "
            f"{_percent(self.worst_change)}, and the mean over languages by {_percent(self.mean_change)}"
        )
        if self.improved:
            place = self.steps.index(self.best) + 1
            return f"Of {len(self.steps)} mixtures that were tried, number {place} is the minimax mixture: {numbers}."
        verdict = "worse" if self.worst_change.low > 0 else "unresolved"
        return (
            f"No mixture of {len(self.steps)} lowered the worst language beyond noise, so the shares are uniform. With the "
            f"best one tried, {numbers}: {verdict}."
        )

    def _nothing_better(self) -> str:
        if not np.isfinite(self.steps[0].worst):
            return "A language is broken with uniform shares, so there is nothing to search by, and the shares are uniform."
        ends = f"With them the worst language has {_worst(self.uniform)} on text that the search did not see."
        if len(self.steps) == 1:
            return (
                "No mixture but the uniform one was tried, because the shares that follow its damages give the same whole "
                f"rows; the shares are uniform. {ends}"
            )
        return (
            f"Of {len(self.steps)} mixtures that were tried, none that keeps the mean was better than the uniform one for the "
            f"worst language on the text of the search, so the shares are uniform. {ends}"
        )

    def to_markdown(self) -> str:
        """What was searched with, rows and KL of every language, uniform and best mixture, and the conclusion."""
        uniform, best = self.steps[0], self.best
        rows = [
            [
                f"{Language.from_tag(tag).name} ({tag})",
                str(uniform.rows[place]),
                str(best.rows[place]),
                f"{self.uniform[tag]:.4f}",
                f"{self.minimax[tag]:.4f}",
            ]
            for place, tag in enumerate(self.languages)
        ]
        header = ["language", "rows uniform", "rows best", "KL uniform", "KL best"]
        courses = {
            "worst language": [step.worst for step in self.steps],
            "mean of languages": [step.mean for step in self.steps],
        }
        lines = [
            f"KL on the text of the search, step by step, {what}: {', '.join(f'{value:.4f}' for value in values)}"
            for what, values in courses.items()
        ]
        title = f"KL to the reference, nats a token, on text that the search did not see; {self.name}"
        return "\n".join([title, "", *aligned(header, rows, ["language"]), "", *lines, "", self.conclusion])

    def to_dict(self) -> dict[str, Any]:
        """All numbers and the conclusion as plain JSON values."""
        return {**to_plain(self), "conclusion": self.conclusion}

    def save(self, folder: str | Path, plots: bool = True) -> None:
        """Writes minimax.json, minimax.md, and two pictures: steps.png and shares.png.

        Args:
            folder: new or there.
            plots: draw the pictures, which need matplotlib.

        Raises:
            MissingPackageError: matplotlib is not installed.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_study(folder, "minimax", self.to_dict(), self.to_markdown())
        if plots:
            from .minimax_plot import plot_shares, plot_steps

            draw_study(folder, {"steps.png": partial(plot_steps, self), "shares.png": partial(plot_shares, self)})


def _change(losses: Losses, pooled: Any) -> Estimate:
    """Relative change of a number over languages from the first setting to the second, paired by documents."""
    value, drawn = pooled(losses.values), pooled(losses.draws)
    if not np.isfinite(value).all():
        return Estimate(np.nan, np.nan, np.nan)
    changes = drawn[:, 1] / drawn[:, 0] - 1
    return Estimate(float(value[1] / value[0] - 1), *percentile_interval(changes, losses.confidence))


def _worst(damages: Mapping[str, float]) -> str:
    tag = max(damages, key=damages.__getitem__)
    return f"{damages[tag]:.4f} ({Language.from_tag(tag).name})"


def _percent(change: Estimate) -> str:
    return f"{change.value:+.1%} ({change.low:+.1%} .. {change.high:+.1%})"
