"""The time that a run takes at the least is told when the weights are there, before the long work."""

import logging
import re
from itertools import count
from types import SimpleNamespace

import pytest
from one_line import quantize

from optimum_multilingual import EvaluationConfig, integration, least_time
from optimum_multilingual.analysis.minimax_sets import MinimaxSets

NO_SET = {"num_rows": None, "sequence_length": None}


@pytest.fixture
def told(caplog):
    with caplog.at_level(logging.INFO, logger="optimum_multilingual.least_time"):
        yield lambda: [record.getMessage() for record in caplog.records if record.name.endswith("least_time")]


def test_all_passes_are_counted_before_the_first(tiny_model_path, told, monkeypatch):
    def no_pass(*args, **kwargs):
        raise RuntimeError("the reference pass began")

    monkeypatch.setattr(integration, "run_reference", no_pass)
    clock = count(step=7)
    # A batch takes 7 seconds.
    monkeypatch.setattr(least_time, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with pytest.raises(RuntimeError, match="the reference pass began"):
        quantize(tiny_model_path, seeds=2)
    [line] = told()
    found = re.fullmatch(
        r"At least about (\d+):(\d+):(\d+): forward passes over 384 calibration tokens and 3 x ([\d,]+) tokens of evaluation "
        r"text with its context at (\d+) tokens a second\. The engine's own work comes on top; its progress bar tells how long\.",
        line,
    )
    hours, minutes, seconds, scored, speed = (int(number.replace(",", "")) for number in found.groups())
    assert scored > 3 * 500 and 500 / 7 < speed <= EvaluationConfig().batch_tokens / 7
    assert 3600 * hours + 60 * minutes + seconds == pytest.approx((384 + 3 * scored) / speed, rel=0.02)


def test_a_method_without_rows_has_two_passes_over_text(tiny_model_path, told):
    quantize(tiny_model_path, "rtn", **NO_SET)
    [line] = told()
    assert "calibration" not in line and "search" not in line and " 2 x " in line and line.endswith("tokens a second.")


def test_a_search_is_announced_before_it_begins(tiny_model_path, told, monkeypatch):
    def no_search(*args, **kwargs):
        raise RuntimeError("the search began")

    monkeypatch.setattr(MinimaxSets, "find", no_search)
    with pytest.raises(RuntimeError, match="the search began"):
        quantize(tiny_model_path, mixture="minimax")
    [line] = told()
    assert "192 calibration tokens and 2 x" in line and "The search of shares comes on top too" in line


def test_nothing_is_run_where_nobody_listens(tiny_model_path, monkeypatch):
    monkeypatch.delattr(least_time, "Scorer")
    quantize(tiny_model_path, "rtn", **NO_SET)


def test_nothing_is_told_where_nothing_is_measured(tiny_model_path, told):
    quantize(tiny_model_path, evaluation=None)
    assert told() == []
