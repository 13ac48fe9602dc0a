"""About how long a measured run takes at the least: found on the loaded model, and told before the long work."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from .evaluation.evaluator import Evaluation
from .evaluation.held_out import Window
from .evaluation.processes import Processes
from .evaluation.scoring import Scorer, make_batches

logger = logging.getLogger(__name__)


def tell_least_time(
    model: Any, evaluation: Evaluation, calibration_tokens: int, quantizations: int = 1, searched: bool = False
) -> float | None:
    """Runs one batch and says (at log level INFO, and only then) what all forward passes will take.

        At least about 0:00:16: forward passes over 65,536 calibration tokens and 2 x 39,715 tokens of evaluation text with its
        context at 9,100 tokens a second. The engine's own work comes on top; its progress bar tells how long.

    An engine cannot do with less than one pass over its rows. What it does beside depends on the engine: `benchmarks/overhead.py`
    prints the whole time beside this one.

    Args:
        model: loaded, on its devices.
        evaluation: what is measured before and after.
        calibration_tokens: of one set; 0 for a method that reads no rows.
        quantizations: how many sets the model is quantized with.
        searched: shares are searched before, which comes on top.

    Returns:
        Seconds, in the process that speaks for all; None in others, and where nobody listens.
    """
    processes = Processes.current()
    if not (processes.is_main and logger.isEnabledFor(logging.INFO)):
        return None
    speed = _speed(model, evaluation)
    text = _tokens([window for of_it in evaluation.windows.values() for window in of_it])
    passes, rows = 1 + quantizations, quantizations * calibration_tokens
    # Each process runs all rows and its part of the text.
    seconds = (rows + passes * text / processes.count) / speed
    of_rows = f"{rows:,} calibration tokens and " if rows else ""
    engine = " The engine's own work comes on top; its progress bar tells how long." if rows else ""
    search = (
        " The search of shares comes on top too: a quantization and a pass over text for each step." if searched else ""
    )
    logger.info(
        "At least about %s: forward passes over %s%d x %s tokens of evaluation text with its context at %s tokens a second.%s%s",
        timedelta(seconds=round(seconds)), of_rows, passes, f"{text:,}", f"{speed:,.0f}", engine, search,
    )  # fmt: skip
    return seconds


def _speed(model: Any, evaluation: Evaluation) -> float:
    """Tokens a second of the largest batch there is in the first language, kernels being loaded."""
    windows, scorer = next(iter(evaluation.windows.values())), Scorer(model)
    scorer.states([windows[0]]).sum().item()
    batch = max(make_batches(windows, evaluation.settings.batch_tokens), key=_tokens)
    started = time.perf_counter()
    scorer.states(batch).sum().item()  # waits for the device
    return _tokens(batch) / (time.perf_counter() - started)


def _tokens(windows: Sequence[Window]) -> int:
    return sum(len(window.input_ids) for window in windows)
