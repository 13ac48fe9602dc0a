"""The study of activations as text: who goes beyond the calibration rows, who is like whom, and what that means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..languages import Language
from ..report.aligned import aligned
from ..report.coverage import Coverage, coverage_warnings, hidden_by_chance, uncovered, usual_excess

if TYPE_CHECKING:
    from .activations_result import Activations

HEADER = (
    "language",
    "calibrated",
    "tokens",
    "beyond the rows",
    "by chance",
    "times chance",
    "most in",
    "share there",
    "outliers",
    "nearest",
    "similarity",
)
LEFT_ALIGNED = ("language", "calibrated", "most in", "nearest")


def format_activations(found: Activations) -> str:
    """The table, largest excess first, the clusters and the conclusion."""
    parts = [
        f"# Activations of {found.model}",
        "",
        f"Channels beyond the range of the calibration rows: {_names(found.calibrated)}, "
        f"{found.tokens('calibration'):,} tokens.",
        "",
        *_table(found),
        "",
        f"clusters by similarity of activation norms: {'; '.join(map(_names, found.clusters()))}",
    ]
    if found.left_out:
        parts.append(
            f"left out, since they do not see every token: {len(found.left_out):,} layers, such as {found.left_out[0]}"
        )
    return "\n".join([*parts, "", found.conclusion])


def _table(found: Activations) -> list[str]:
    tags, outliers, layers = list(found.languages), found.outlier_shares(), found.exceeding_shares()
    similarity = found.similarity() - 2 * np.eye(len(tags))  # a language is not its own neighbour
    rows = []
    for coverage in sorted(found.coverage(), key=lambda each: -each.excess):
        place = tags.index(coverage.language)
        worst = int(layers[place].argmax())
        nearest = int(similarity[place].argmax())
        has_neighbour = len(tags) > 1
        rows.append(
            [
                f"{_name(coverage.language)} ({coverage.language})",
                "yes" if coverage.calibrated else "no",
                f"{found.tokens(coverage.language):,}",
                f"{coverage.share:.1%}",
                f"{coverage.by_chance:.1%}",
                f"{coverage.excess:.2f}",
                found.inputs[worst].name,
                f"{layers[place, worst]:.1%}",
                f"{outliers[coverage.language]:.2%}",
                _name(tags[nearest]) if has_neighbour else "",
                f"{similarity[place, nearest]:.3f}" if has_neighbour else "",
            ]
        )
    return aligned(HEADER, rows, LEFT_ALIGNED)


def plain_conclusion(found: Activations) -> str:
    """What the study says, in one paragraph."""
    coverage = found.coverage()
    return " ".join(
        [_of_calibrated(found, coverage), *_of_others(coverage), *_of_size(found, coverage), _of_likeness(found)]
    )


def _of_calibrated(found: Activations, coverage: Iterable[Coverage]) -> str:
    own = [each for each in coverage if each.calibrated]
    inputs, channels = len(found.inputs), sum(each.channels for each in found.inputs)
    where = f"In {channels:,} channels of {inputs} layer inputs"
    if not own:
        return f"{where}, no language that is calibrated on was measured."
    shares = [each.share for each in own]
    return (
        f"{where}, the languages calibrated on exceed the range of the calibration rows in {min(shares):.1%} to "
        f"{max(shares):.1%} (median {usual_excess(own):.2f} times chance)."
    )


def _of_others(coverage: tuple[Coverage, ...]) -> list[str]:
    others = [each for each in coverage if not each.calibrated]
    if not others:
        return []
    beyond = uncovered(coverage)
    covered = [each.language for each in others if each not in beyond]
    sentences = [f"{warning}." for warning in coverage_warnings(coverage)[:1]]
    if len(beyond) > 1:
        more = ", ".join(f"{_name(each.language)} in {each.share:.1%} ({each.excess:.1f} times)" for each in beyond[1:])
        sentences.append(f"The same holds for {more}.")
    if covered:
        sentences.append(f"Not calibrated on, and yet not beyond the rows more than is usual: {_names(covered)}.")
    return sentences


def _of_size(found: Activations, coverage: tuple[Coverage, ...]) -> list[str]:
    if not hidden_by_chance(coverage):
        return []
    return [
        f"With only {found.tokens('calibration'):,} tokens of calibration rows, chance alone exceeds their range in most "
        "channels, which hides what languages do; take more rows."
    ]


def _of_likeness(found: Activations) -> str:
    tags, similarity = list(found.languages), found.similarity()
    if len(tags) < 2:
        return "One language has none to be like."
    first, second = np.triu_indices(len(tags), 1)
    values = similarity[first, second]
    most, least = int(values.argmax()), int(values.argmin())
    groups = [_names(group) for group in found.clusters() if len(group) > 1]
    alike = f"; languages that are alike: {'; '.join(groups)}" if len(tags) > 2 and groups else ""
    return (
        f"The most alike are {_name(tags[first[most]])} and {_name(tags[second[most]])} (similarity {values[most]:.3f}), the "
        f"least {_name(tags[first[least]])} and {_name(tags[second[least]])} ({values[least]:.3f}){alike}."
    )


def _name(tag: str) -> str:
    return Language.from_tag(tag).name


def _names(tags: Iterable[str]) -> str:
    return ", ".join(map(_name, tags))
