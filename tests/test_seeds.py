"""Repeating over draws of the calibration set."""

import statistics
from dataclasses import replace

import pytest
import torch
from one_line import logits_of, quantize

from optimum_multilingual import MultilingualCalibrationConfig, MultilingualReport
from optimum_multilingual.errors import ConfigError, ModelError
from optimum_multilingual.model_checks import require_one_device
from optimum_multilingual.report.merge import merge_reports


@pytest.fixture(scope="module")
def repeated(tiny_model_path):
    return quantize(tiny_model_path, bits=3, seeds=2)


@pytest.fixture(scope="module")
def single(tiny_model_path):
    """The model of each seed by itself."""
    return [quantize(tiny_model_path, bits=3, seed=seed) for seed in (0, 1)]


def test_each_draw_is_what_its_seed_gives_by_itself(repeated, single):
    draws = repeated.multilingual_report.draws

    assert [draw.seed for draw in draws] == [0, 1]
    for draw, model in zip(draws, single, strict=True):
        report = model.multilingual_report
        assert draw.fingerprint == report.calibration["fingerprint"]
        for score in draw.languages:
            assert score.relative_change == pytest.approx(report[score.language].relative_change.value, abs=1e-9)
            assert score.kl == pytest.approx(report[score.language].kl.mean.value, rel=1e-6)


def test_the_model_that_comes_out_is_that_of_the_first_seed(repeated, single):
    assert torch.equal(logits_of(repeated), logits_of(single[0]))
    assert replace(repeated.multilingual_report, draws=()) == single[0].multilingual_report
    assert not torch.equal(logits_of(repeated), logits_of(single[1]))


def test_the_table_has_mean_and_deviation_over_draws(repeated):
    report = repeated.multilingual_report
    values = [draw.languages[0].relative_change for draw in report.draws]

    line = next(line for line in str(report).splitlines() if line.startswith(f"| {report.scores[0].name} "))

    assert f"{statistics.mean(values):+.2%} ± {statistics.stdev(values):.2%}" in line
    assert "over 2 draws of the calibration set" in str(report)


def test_draws_come_back_from_json(repeated):
    report = repeated.multilingual_report

    assert MultilingualReport.from_dict(report.to_dict()) == report


def test_reports_of_the_same_draws_are_merged_and_of_others_refused(repeated, single):
    report = repeated.multilingual_report
    parts = [
        replace(
            report,
            scores=(score,),
            draws=tuple(
                replace(draw, languages=tuple(each for each in draw.languages if each.language == score.language))
                for draw in report.draws
            ),
        )
        for score in report.scores
    ]

    assert merge_reports(parts).draws == report.draws
    with pytest.raises(ConfigError, match="draws of the calibration set"):
        merge_reports([parts[0], replace(parts[1], draws=())])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 0}, "seeds must be a whole number of at least 1"),
        ({"seeds": 2, "evaluation": None}, "repeats the measurement"),
        ({"seeds": 2, "calibration_set": "set/"}, "built already"),
    ],
)
def test_what_cannot_be_repeated_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        MultilingualCalibrationConfig(languages=["en", "sw"], **settings)


def test_a_method_without_calibration_has_nothing_to_draw(tiny_model_path):
    pytest.importorskip("torchao")
    with pytest.raises(ConfigError, match="seeds would do nothing"):
        quantize(tiny_model_path, "int8-weight-only", seeds=2, num_rows=None, sequence_length=None)


def test_a_model_over_several_devices_is_not_copied():
    require_one_device({"": "cpu"}, "seeds=2")
    with pytest.raises(ModelError, match="spread over cpu, disk"):
        require_one_device({"a": "cpu", "b": "disk"}, "seeds=2")
