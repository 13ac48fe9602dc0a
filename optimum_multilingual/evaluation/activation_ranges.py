"""Smallest and largest activation of every channel, and which channels go beyond those of the calibration rows."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from ..calibration.calibration_set import CalibrationSet
from .held_out import Window
from .layer_inputs import InputSummaries, find_layer_inputs
from .processes import Processes
from .scoring import Scorer, make_batches

# Name of a layer input -> smallest and largest value of each channel, shape [2, channels], float32.
Ranges = dict[str, np.ndarray]


def range_counter(model: Any) -> InputSummaries[np.ndarray]:
    """Sees the range of every channel of every layer input while a model is scored."""
    return InputSummaries(model, find_layer_inputs(model), lambda _, values: range_of(values), wider)


def range_of(values: torch.Tensor) -> np.ndarray:
    """Smallest and largest value of each channel, shape [tokens, channels] -> [2, channels]."""
    return torch.stack([values.amin(0), values.amax(0)]).cpu().numpy()


def wider(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The range that holds both."""
    return np.stack([np.fmin(first[0], second[0]), np.fmax(first[1], second[1])])


def added_ranges(first: Ranges, second: Ranges) -> Ranges:
    """The ranges that hold both."""
    together = dict(first)
    for name, values in second.items():
        together[name] = wider(together[name], values) if name in together else values
    return together


def exceeding(ranges: Ranges, calibration: Ranges) -> dict[str, np.ndarray]:
    """Which channels leave the range of the calibration on either side, shape [channels], bool.

    Layer inputs that only one of the two has seen whole are left out.
    """
    return {
        name: (ranges[name][0] < of_it[0]) | (ranges[name][1] > of_it[1])
        for name, of_it in calibration.items()
        if name in ranges
    }


def share_by_chance(tokens: int, calibration_tokens: int) -> float:
    """Share of channels that text as like the calibration rows as they are to each other goes beyond.

    The largest of all values is as likely at one token as at another, and so is the smallest: both are in the calibration with
    probability n (n - 1) / (N (N - 1)), for n of N tokens.

        >>> share_by_chance(1000, 9000)
        0.19...
    """
    n, whole = calibration_tokens, calibration_tokens + tokens
    return 1 - n * (n - 1) / (whole * (whole - 1))


def windows_of_rows(calibration_set: CalibrationSet) -> list[Window]:
    """The rows as an engine sees them; every position counts, and targets are there to say how many."""
    return [Window(place, row.input_ids, row.input_ids) for place, row in enumerate(calibration_set)]


def calibration_ranges(
    model: Any, calibration_set: CalibrationSet, batch_tokens: int, processes: Processes | None = None
) -> Ranges:
    """The ranges of all calibration rows, by one pass of the model as it is.

    Args:
        model: the reference.
        calibration_set: its rows.
        batch_tokens: of one pass.
        processes: those that share the rows; each gets the ranges of all. None for all that were launched together.

    Raises:
        ProcessError: another process failed.
    """
    processes = processes or Processes.current()

    def watch() -> dict[Any, Any]:
        counter = range_counter(model)
        scorer = Scorer(model, counter)
        mine = [batch for _, batch in processes.share(make_batches(windows_of_rows(calibration_set), batch_tokens))]
        for batch in tqdm(
            mine, desc="Watching calibration rows", unit="batch", disable=None if processes.is_main else True
        ):
            scorer.states(batch)
        return {processes.rank: counter.take()}

    return reduce(added_ranges, processes.together(watch).values())
