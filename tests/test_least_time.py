"""The time that a run takes at the least is told when the weights are there, before the long work."""

import logging
import re
from itertools import count

import pytest
from one_line import quantize

from optimum_multilingual import integration, least_time

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
    monkeypatch.setattr(least_time.time, "perf_counter", lambda: next(clock))  # a pass of the sample takes 7 seconds
    with pytest.raises(RuntimeError, match="the reference pass began"):
        quantize(tiny_model_path, seeds=2)
    [line] = told()
    found = re.fullmatch(
        r"At least (\d+):(\d+):(\d+): forward passes over 384 calibration tokens and 3 x ([\d,]+) evaluation tokens at (\d+) "
        r"tokens a second\. What the engine computes beside comes on top; its progress bar says how long\.",
        line,
    )
    hours, minutes, seconds, scored, speed = (int(number.replace(",", "")) for number in found.groups())
    assert scored > 3 * 500 and 256 / 7 < speed <= least_time.SAMPLE_TOKENS / 7
    assert 3600 * hours + 60 * minutes + seconds == pytest.approx((384 + 3 * scored) / speed, rel=0.02)


def test_a_method_without_rows_has_two_passes_over_text(tiny_model_path, told):
    quantize(tiny_model_path, "rtn", **NO_SET)
    [line] = told()
    assert "calibration" not in line and " 2 x " in line and line.endswith("tokens a second.")


def test_nothing_is_told_where_nothing_is_measured(tiny_model_path, told):
    quantize(tiny_model_path, evaluation=None)
    assert told() == []
