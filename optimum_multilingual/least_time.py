"""How long a measured run takes at the least: found on the loaded model, and told before the long work."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from .calibration.calibration_set import CalibrationSet
from .evaluation.evaluator import Evaluation
from .evaluation.held_out import Window
from .evaluation.processes import Processes
from .evaluation.scoring import Scorer

logger = logging.getLogger(__name__)

# Tokens that the speed is measured with: a small part of any run that takes long.
SAMPLE_TOKENS = 512


def tell_least_time(model: Any, evaluation: Evaluation, calibration_sets: Sequence[CalibrationSet]) -> float:
    """Runs a few hundred tokens through the model and says (at log level INFO) what all forward passes will take.

        At least 0:00:16: forward passes over 65,536 calibration tokens and 2 x 39,715 evaluation tokens at 9,100 tokens a
        second. What the engine computes beside comes on top; its progress bar says how long.

    An engine cannot do with less than one pass over its rows. What it does beside depends on the engine: `benchmarks/overhead.py`
    prints the whole time beside this one.

    Args:
        model: loaded, on its devices.
        evaluation: what is measured before and after.
        calibration_sets: one for each time that the model is quantized; none for a method that reads no rows.

    Returns:
        Seconds.
    """
    processes = Processes.current()
    scored = _tokens([window for of_it in evaluation.windows.values() for window in of_it])
    rows = sum(len(row.input_ids) for each in calibration_sets for row in each)
    passes = 1 + max(1, len(calibration_sets))
    speed = _speed(model, next(iter(evaluation.windows.values())))
    # Each process runs all rows and its part of the text.
    seconds = (rows + passes * scored / processes.count) / speed
    if processes.is_main:
        text, engine = f"{passes} x {scored:,} evaluation tokens", ""
        if rows:
            text = f"{rows:,} calibration tokens and {text}"
            engine = " What the engine computes beside comes on top; its progress bar says how long."
        least = timedelta(seconds=round(seconds))
        logger.info(
            "At least %s: forward passes over %s at %s tokens a second.%s", least, text, f"{speed:,.0f}", engine
        )
    return seconds


def _speed(model: Any, windows: Sequence[Window]) -> float:
    """Tokens a second of a pass that is not the first, which loads kernels."""
    sample = [windows[0]]
    for window in windows[1:]:
        if _tokens([*sample, window]) > SAMPLE_TOKENS:
            break
        sample.append(window)
    scorer, seconds = Scorer(model), 0.0
    for _ in range(2):
        started = time.perf_counter()
        scorer.states(sample).sum().item()  # waits for the device
        seconds = time.perf_counter() - started
    return _tokens(sample) / seconds


def _tokens(windows: Sequence[Window]) -> int:
    return sum(len(window.targets) for window in windows)
