"""Groups, and verdicts that need more than a point estimate."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from measurements import (
    ENGLISH,
    SETTINGS,
    SWAHILI,
    YORUBA,
    changed_by,
    measurement,
    report_of,
    score_language,
    width,
)

from optimum_multilingual import MultilingualReport
from optimum_multilingual.evaluation.evaluator import Evaluation
from optimum_multilingual.flores import flores_tags
from optimum_multilingual.report.measures import make_report


def test_means_over_groups_count_each_language_once():
    report = report_of(en=changed_by(0.0, 0.1, 1), sw=changed_by(0.2, 0.1, 2), hi=changed_by(0.4, 0.1, 3))
    groups = {(group.kind, group.name): group for group in report.groups}
    changes = {score.language: score.relative_change.value for score in report.scores}

    assert set(groups) == {
        ("all", "all"), ("script", "Latn"), ("script", "Deva"), ("tier", "high"), ("tier", "low"),
    }  # fmt: skip
    assert groups["all", "all"].relative_change.value == pytest.approx(sum(changes.values()) / 3)
    assert groups["script", "Latn"].languages == ("eng_Latn", "swh_Latn")
    assert groups["tier", "low"].relative_change.value == pytest.approx(changes["swh_Latn"])
    of_all, alone = groups["all", "all"].relative_change, report["sw"].relative_change
    assert of_all.low < of_all.value < of_all.high and width(of_all) < width(alone)


def test_a_broken_language_is_in_no_mean():
    report = report_of(sw=measurement(np.ones(80), np.full(80, math.nan), [10] * 8), yo=changed_by(0.1, 0.05))
    assert report.groups[0].languages == ("yor_Latn",)


def test_many_languages_need_stronger_evidence():
    """A change that is resolved alone is not when it is the strongest of fifty."""
    faint = changed_by(0.05, 0.2, seed=1)
    alone = report_of(sw=faint)["sw"]
    assert alone.verdict == "damaged" and 1e-3 < alone.significance.p_value < 0.05

    others = {tag: changed_by(0.0, 0.2, seed) for seed, tag in enumerate(flores_tags("mid"), start=100)}
    among = report_of(sw=faint, **others)["sw"]
    assert among.relative_change == alone.relative_change
    assert among.significance.p_adjusted > 0.05 and among.verdict == "unresolved"


def test_nothing_below_the_noise_floor_is_resolved():
    measured = {SWAHILI: changed_by(0.02, 0.01)}
    evaluation = Evaluation({}, {}, SETTINGS, {"kind": "test"})
    verdicts = [make_report(measured, evaluation, {}, None, noise_floor=floor)["sw"].verdict for floor in (0.001, 0.5)]
    assert verdicts == ["damaged", "unresolved"]


@pytest.mark.parametrize(
    ("mean", "spread", "verdict"),
    [(0.1, 0.05, "damaged"), (-0.1, 0.05, "improved"), (0.0, 0.3, "unresolved"), (0.02, 0.5, "unresolved")],
)
def test_the_verdict_follows_the_interval_of_the_change(mean, spread, verdict):
    score = score_language(SWAHILI, changed_by(mean, spread), SETTINGS)

    assert score.verdict == verdict
    assert verdict == "unresolved" or not score.relative_change.low <= 0 <= score.relative_change.high


def test_no_change_at_all_is_unresolved():
    assert score_language(SWAHILI, changed_by(0.0, 0.0), SETTINGS).verdict == "unresolved"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("spoilt", ["reference_nll", "quantized_nll", "kl"])
def test_one_score_that_is_not_finite_makes_a_language_broken_and_the_report_is_still_strict_json(bad, spoilt):
    columns = {"reference_nll": np.ones(80), "quantized_nll": np.full(80, 1.1), "kl": np.full(80, 0.01)}
    columns[spoilt][30] = bad
    report = report_of(
        sw=measurement(columns["reference_nll"], columns["quantized_nll"], [10] * 8, columns["kl"]),
        yo=changed_by(0.1, 0.05),
    )

    assert [score.verdict for score in report.worst_first] == ["broken", "damaged"]
    strict = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert MultilingualReport.from_dict(strict).to_dict() == report.to_dict()
    assert "broken" in report.to_markdown()


def test_a_perplexity_beyond_all_numbers_is_infinite_and_no_error():
    score = score_language(SWAHILI, measurement(np.ones(80), np.full(80, 800.0), [10] * 8), SETTINGS)

    assert score.quantized.perplexity == math.inf
    assert score.quantized.nll == 800
    assert score.verdict == "damaged"


def test_a_report_has_every_language_in_order_with_what_lies_behind_the_numbers():
    report = report_of(yo=changed_by(0.1, 0.1), en=changed_by(0.0, 0.1), sw=changed_by(0.2, 0.1))

    assert [score.language for score in report.scores] == [language.tag for language in (YORUBA, ENGLISH, SWAHILI)]
    assert report.setting == {"method": "gptq", "bits": 4}
    assert report.evaluation == {
        "corpus": {"kind": "test"},
        "bootstrap_draws": 500,
        "confidence": 0.95,
        "seed": 7,
        "noise_floor": None,
        "sequence_length": 64,
        "stride": None,
        "tokens_per_language": 12_288,
        "batch_tokens": 4096,
    }
    assert report.calibration is None
