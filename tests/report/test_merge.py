"""Reports of one model over different languages as one: the same verdicts as if all had been measured at once."""

from __future__ import annotations

import dataclasses
import math

import pytest

from optimum_multilingual import MultilingualReport, compare_reports, merge_reports
from optimum_multilingual.errors import ConfigError

EUROPE = {"en": 0.1, "fr": 0.006, "ru": 0.2}
AFRICA = {"sw": 0.3, "am": 0.007, "yo": 0.005}


@pytest.fixture
def parts(measured_report):
    return [measured_report(EUROPE), measured_report(AFRICA)]


def test_scores_and_verdicts_are_those_of_one_measurement(parts, measured_report):
    merged, at_once = merge_reports(parts), measured_report({**EUROPE, **AFRICA})
    assert merged.scores == at_once.scores
    assert [score.verdict for score in merged.scores] == [score.verdict for score in at_once.scores]
    # The correction is for all languages, so a part's own p-values were smaller.
    own = {score.language: score.significance.p_adjusted for part in parts for score in part.scores}
    assert any(score.significance.p_adjusted > own[score.language] for score in merged.scores)


def test_means_of_groups_are_those_of_one_measurement(parts, measured_report):
    merged, at_once = merge_reports(parts), measured_report({**EUROPE, **AFRICA})
    assert [(g.kind, g.name, g.languages) for g in merged.groups] == [
        (g.kind, g.name, g.languages) for g in at_once.groups
    ]
    for group, expected in zip(merged.groups, at_once.groups):
        assert group.relative_change.value == pytest.approx(expected.relative_change.value, rel=1e-12)
        assert group.kl.value == pytest.approx(expected.kl.value, rel=1e-12)
        assert group.top1_agreement.value == pytest.approx(expected.top1_agreement.value, rel=1e-12)


def test_a_group_keeps_its_interval_only_where_one_report_has_all_of_it(parts, measured_report):
    merged, at_once = merge_reports(parts), measured_report({**EUROPE, **AFRICA})
    groups = {group.name: group for group in merged.groups}
    expected = {group.name: group for group in at_once.groups}
    for name in ("Cyrl", "Ethi"):
        assert groups[name].relative_change == expected[name].relative_change
    for name in ("all", "Latn"):
        assert math.isnan(groups[name].relative_change.low) and math.isnan(groups[name].kl.high)


def test_the_table_says_what_is_missing(parts):
    text = merge_reports(parts).to_markdown()
    assert "merged from 2 reports; no interval, because reports hold no bootstrap draws, for the means of" in text
    assert text.endswith("these groups: all, Latn")
    assert "nan" not in text


def test_a_merged_report_comes_back_from_its_file_and_merges_again(parts, measured_report, tmp_path):
    merged = merge_reports(parts)
    merged.save(tmp_path / "all.json")
    read = MultilingualReport.load(tmp_path / "all.json")
    assert read.to_dict() == merged.to_dict()
    more = merge_reports([read, measured_report({"zh": 0.1})])
    assert more.evaluation["merged_reports"] == 3 and len(more.scores) == 7
    assert compare_reports([more, measured_report({**EUROPE, **AFRICA, "zh": 0.1})]).best("swh_Latn") is None


def test_a_larger_noise_floor_holds_for_all(parts):
    noisy = dataclasses.replace(parts[1], evaluation={**parts[1].evaluation, "noise_floor": 0.06})
    merged = merge_reports([parts[0], noisy])
    assert parts[0]["en"].verdict == "damaged" and merged["en"].verdict == "unresolved"
    assert merged["ru"].verdict == "damaged"


def test_broken_languages_stay_and_are_in_no_mean(parts, measured_report):
    merged = merge_reports([*parts, measured_report({"ja": math.nan})])
    assert merged["ja"].verdict == "broken"
    assert "jpn_Jpan" not in merged.groups[0].languages


def test_texts_of_different_corpora_are_both_named(parts):
    other = dataclasses.replace(parts[1], evaluation={**parts[1].evaluation, "corpus": {"kind": "files"}})
    merged = merge_reports([parts[0], other])
    assert merged.evaluation["corpus"] == {"kind": "merged", "corpora": [{"kind": "test"}, {"kind": "files"}]}


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({"sw": 0.1, "en": 0.1}, {}, "English (eng_Latn) is in report 1 and in report 2"),
        ({"sw": 0.1}, {"setting": {"bits": 3}}, "Reports 1 and 2 differ in bits (4 and 3)"),
        ({"sw": 0.1}, {"confidence": 0.9}, "Reports 1 and 2 differ in evaluation confidence (0.95 and 0.9)"),
    ],
)
def test_reports_that_do_not_belong_together_are_refused(measured_report, changes, given, message):
    with pytest.raises(ConfigError) as caught:
        merge_reports([measured_report(EUROPE), measured_report(changes, **given)])
    assert message in str(caught.value)


def test_another_calibration_is_another_model(parts):
    calibrated = dataclasses.replace(parts[1], calibration={"fingerprint": "ab"})
    with pytest.raises(ConfigError, match="differ in calibration fingerprint"):
        merge_reports([parts[0], calibrated])


def test_one_report_cannot_be_merged(parts):
    with pytest.raises(ConfigError, match="two or more reports, got 1"):
        merge_reports(parts[:1])
