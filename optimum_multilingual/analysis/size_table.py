"""The study of sizes as text: KL by language and size, and what came out in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..languages import Language
from ..report.aligned import aligned
from ..report.scores import Estimate
from .flattening import BROKEN, FALLING, FLAT, MEAN, RISES, UNRESOLVED, Flattening

if TYPE_CHECKING:
    from .size_result import SufficientSize

# Where importance matrices of llama.cpp stop gaining: 500 samples of each of 34 languages, on a model of 2 billion parameters.
# Source: robbiemu/llama-gguf-optimize, on_quantization.md.
PUBLISHED_TOKENS, PUBLISHED_SAMPLES = 360_000, 500


def size_table(found: SufficientSize) -> str:
    """Languages down, tokens of each language across, and from where each curve is flat."""
    names = {MEAN: "mean of languages"}
    names |= {tag: f"{Language.from_tag(tag).name} ({tag})" for tag in found.losses.languages}
    curves = {MEAN: found.losses.values.mean(axis=1)}
    curves |= {tag: found.losses.values[:, place] for place, tag in enumerate(found.losses.languages)}
    rows = [
        [
            names[tag],
            *(f"{value:.4f}" if np.isfinite(value) else BROKEN for value in curve),
            flat_from(found.flattenings[tag], found.tokens[-1]),
        ]
        for tag, curve in curves.items()
    ]
    header = ["language", *(f"{tokens:,}" for tokens in found.tokens), "flat from"]
    draws = "one draw" if found.seeds == 1 else f"the mean over {found.seeds} draws"
    return "\n".join(
        [
            f"KL to the reference, nats a token, by tokens of each language; {found.name}, {draws} of the calibration text.",
            "",
            *aligned(header, rows, ["language"]),
            "",
            f"flat from: one more doubling lowers KL by less than {found.tolerance:.1%}; {_percent(found)} interval",
        ]
    )


def flat_from(flattening: Flattening, largest: int) -> str:
    """From how many tokens a curve is flat, in a few letters; beyond the largest size nothing is known."""
    if flattening.verdict == FLAT:
        return f"{flattening.tokens.value:,.0f} ({_range(flattening.tokens)})"
    if flattening.verdict == UNRESOLVED:
        return f"{UNRESOLVED} ({_range(flattening.tokens, largest)})"
    return flattening.verdict


def conclusion(found: SufficientSize) -> str:
    """What the sizes say, in plain words."""
    budget, largest = found.budget, found.tokens[-1]
    what = f"With {found.name},"
    if budget.verdict == BROKEN:
        return f"{what} a KL is no number at some size, so where the mean flattens cannot be told. {_languages(found)}"
    doubling = f"one more doubling lowers the mean KL by less than {found.tolerance:.1%}"
    if budget.verdict == FALLING:
        lead = (
            f"{what} the mean KL still falls at {largest:,} tokens of each language, the largest size: how many are enough is "
            f"unresolved; give more."
        )
    elif budget.verdict == RISES:
        lead = (
            f"{what} the mean KL rises with the tokens of each language, so no number of them is recommended: more of this text "
            f"does not help."
        )
    elif budget.verdict == UNRESOLVED:
        lead = (
            f"{what} how many tokens of each language are enough is unresolved: noise allows {_range(budget.tokens, largest)}; "
            f"up to {largest:,} were measured, and a doubling only up to half of that. More seeds, evaluation text or rows "
            f"narrow it."
        )
    else:
        times = PUBLISHED_TOKENS / budget.tokens.value
        lead = (
            f"{what} {budget.tokens.value:,.0f} tokens of each language ({_range(budget.tokens)}) are enough: {doubling}. "
            f"The published {PUBLISHED_TOKENS:,} tokens ({PUBLISHED_SAMPLES} samples) of each language for importance matrices "
            f"are {times:,.0f} times that."
        )
    return " ".join([lead, _measured(found), _languages(found), *_covered(found)])


def _measured(found: SufficientSize) -> str:
    """What the curve says must also be seen without it: the change from the first size at or above the budget to the largest.

    Of a curve that rises the whole change, and of any other without a budget the last step.
    """
    last = len(found.tokens) - 1
    starts = {FLAT: int(np.searchsorted(found.tokens, found.budget.tokens.value)), RISES: 0}
    start = starts.get(found.budget.verdict, last - 1)
    change = found.change(lambda of_it: of_it.mean(axis=-1), start, last)
    tokens = f"{found.tokens[start]:,} to {found.tokens[last]:,}"
    return f"Measured, without the curve: from {tokens} tokens the mean KL changes by {_change(change)}."


def _languages(found: SufficientSize) -> str:
    of_languages = [each for name, each in found.flattenings.items() if name != MEAN]
    flat = [each for each in of_languages if each.verdict == FLAT]
    parts = [f"Flat within the sizes: {len(flat)} of {len(of_languages)} languages"]
    if flat:
        last = max(flat, key=lambda each: each.tokens.value)
        parts[0] += f", the last of them {_name(last)} from {flat_from(last, found.tokens[-1])}"
    for verdict in (FALLING, RISES, UNRESOLVED, BROKEN):
        names = [_name(each) for each in of_languages if each.verdict == verdict]
        if names:
            parts.append(f"{verdict}: {', '.join(names)}")
    return f"{'; '.join(parts)}."


def _covered(found: SufficientSize) -> list[str]:
    return ["Intervals do not cover the draw of the calibration text; give seeds."] if found.seeds == 1 else []


def selection_sentence(found: SufficientSize) -> str:
    """What choosing rows by KL does against the first rows, in plain words."""
    selection, losses = found.selection, found.selected
    assert selection is not None and losses is not None, "nothing was selected"
    tokens = selection.rows * found.sequence_length
    what = (
        f"The {tokens:,} tokens of each language with the highest KL, of {selection.candidates * found.sequence_length:,}, "
        f"against as many drawn at random:"
    )
    if not np.isfinite(losses.values).all():
        return f"{what} a KL is no number, so they cannot be compared."
    mean = found.change(lambda of_it: of_it.mean(axis=-1), 0, 1, losses)
    worst = found.change(lambda of_it: of_it.max(axis=-1), 0, 1, losses)
    each = [
        found.change(lambda of_it, place=place: of_it[..., place], 0, 1, losses)
        for place in range(len(losses.languages))
    ]
    better, worse = sum(change.high < 0 for change in each), sum(change.low > 0 for change in each)
    return (
        f"{what} the mean KL changes by {_change(mean)}, the worst language's by {_change(worst)}; of {len(each)} languages "
        f"{better} are better, {worse} worse, {len(each) - better - worse} unresolved."
    )


def _change(change: Estimate) -> str:
    unresolved = "" if change.high < 0 or change.low > 0 else ": unresolved"
    return f"{change.value:+.1%} ({change.low:+.1%} .. {change.high:+.1%}){unresolved}"


def _range(tokens: Estimate, largest: float = np.inf) -> str:
    return f"{tokens.low:,.0f} or more" if tokens.high >= largest else f"{tokens.low:,.0f} .. {tokens.high:,.0f}"


def _name(flattening: Flattening) -> str:
    return Language.from_tag(flattening.language).name


def _percent(found: SufficientSize) -> str:
    return f"{100 * found.losses.confidence:g}%"
