"""The report: verdicts, summaries, a table, and a file that comes back as it was."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from written_reports import broken, report_of, score

from optimum_multilingual import MultilingualReport
from optimum_multilingual.errors import CheckpointError, LanguageError
from optimum_multilingual.report.multilingual_report import REPORT_FILE
from optimum_multilingual.report.scores import Estimate


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.03, "damaged"),
        (1e-9, 0.03, "damaged"),
        (0.0, 0.03, "unresolved"),
        (-0.01, 0.01, "unresolved"),
        (-0.03, 0.0, "unresolved"),
        (0.0, 0.0, "unresolved"),
        (-0.03, -1e-9, "improved"),
    ],
)
def test_an_interval_that_holds_zero_is_unresolved(low, high, verdict):
    change = Estimate((low + high) / 2, low, high)

    assert dataclasses.replace(score("swh_Latn"), relative_change=change).verdict == verdict


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["reference", "quantized", "kl"])
def test_a_score_that_is_not_finite_is_broken_whatever_the_interval_says(bad, place):
    whole = score("swh_Latn")
    part = getattr(whole, place)
    mean = {"mean": Estimate(bad, 0.0, 0.0)} if place == "kl" else {"nll": bad}

    assert dataclasses.replace(whole, **{place: dataclasses.replace(part, **mean)}).verdict == "broken"


def test_the_summary_has_the_mean_over_languages_the_worst_and_the_gap(report):
    change, kl = report.summary(), report.summary("kl")

    assert change.macro_mean == pytest.approx(0.05)
    assert (change.worst, change.worst_value) == ("yor_Latn", 0.09)
    assert change.gap == pytest.approx(0.08)
    assert (kl.worst, kl.worst_value) == ("cmn_Hans", 0.3)
    assert kl.gap == pytest.approx(0.28)
    assert report.summary("nll_change").worst_value == pytest.approx(0.18)


def test_in_the_mean_every_language_counts_once_whatever_its_text():
    much = dataclasses.replace(score("eng_Latn", 0.0), tokens=10**9)

    assert report_of(much, score("yor_Latn", 0.1)).summary().macro_mean == pytest.approx(0.05)


def test_the_only_language_is_the_worst_and_has_no_gap():
    summary = report_of(score("eng_Latn", -0.01)).summary()

    assert (summary.worst, summary.worst_value, summary.gap) == ("eng_Latn", -0.01, 0.0)


def test_an_unknown_measure_is_an_error(report):
    with pytest.raises(KeyError, match="perplexity"):
        report.summary("perplexity")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", [math.nan, math.inf, -1.0])
def test_a_broken_language_is_the_worst_wherever_it_stands_and_there_is_no_mean(place, change):
    scores = [score("eng_Latn", 0.5), score("cmn_Hans", -0.5)]
    scores.insert(place, broken("swh_Latn", change))
    report = report_of(*scores)

    assert [of_it.language for of_it in report.worst_first] == ["swh_Latn", "eng_Latn", "cmn_Hans"]
    for measure in ("relative_change", "nll_change", "kl"):
        summary = report.summary(measure)
        assert summary.worst == "swh_Latn"
        assert all(map(math.isnan, (summary.macro_mean, summary.worst_value, summary.gap)))


@pytest.mark.parametrize("name", ["yo", "yor", "yor_Latn", "Yoruba", "yoruba", "Èdè Yorùbá"])
def test_a_language_is_found_by_any_of_its_names(report, name):
    assert report[name] is report.scores[1]


def test_a_language_that_was_not_measured_is_an_error_that_names_those_that_were(report):
    with pytest.raises(
        KeyError, match=r"'sw' \(swh_Latn\) was not measured; the report has eng_Latn, yor_Latn, cmn_Hans"
    ):
        report["sw"]


def test_what_is_no_language_is_a_language_error(report):
    with pytest.raises(LanguageError):
        report["no such language"]


def test_a_report_survives_json(report):
    assert MultilingualReport.from_dict(json.loads(report.to_json())) == report


def test_the_json_has_names_verdicts_and_summaries_for_readers(report):
    values = json.loads(report.to_json())

    assert [(of_it["name"], of_it["verdict"]) for of_it in values["languages"]] == [
        ("English", "unresolved"),
        ("Yoruba", "damaged"),
        ("Chinese", "damaged"),
    ]
    assert values["summary"]["relative_change"]["worst"] == "yor_Latn"
    assert values["schema_version"] == 1


@pytest.mark.parametrize("change", [math.nan, math.inf])
def test_numbers_that_are_not_finite_become_null_and_stay_broken(change):
    report = report_of(broken("swh_Latn", change), score("eng_Latn"))
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))

    assert values["languages"][0]["quantized"]["nll"] is None
    loaded = MultilingualReport.from_dict(values)
    assert loaded["sw"].verdict == "broken"
    assert math.isnan(loaded["sw"].quantized.nll)
    assert loaded["en"] == report["en"]
    assert loaded.to_dict() == values


def test_settings_that_are_none_come_back_as_none(report):
    assert MultilingualReport.from_dict(report.to_dict()).setting["group_size"] is None
    assert MultilingualReport.from_dict(report_of(score("eng_Latn"), calibration=None).to_dict()).calibration is None


def test_a_report_is_saved_in_a_file_or_a_folder_and_loaded_from_either(report, tmp_path):
    report.save(tmp_path)
    report.save(tmp_path / "other.json")

    assert sorted(path.name for path in tmp_path.iterdir()) == [REPORT_FILE, "other.json"]
    for path in (tmp_path, str(tmp_path), tmp_path / REPORT_FILE, str(tmp_path / "other.json")):
        assert MultilingualReport.load(path) == report


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"schema_version": 1, "sett',
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "setting": {}, "evaluation": {}, "calibration": null, "languages": [{}]}',
        b'{"schema_version": 1, "setting": {}, "evaluation": {}, "calibration": null, "languages": ["en"]}',
        b"[]",
        b"null",
        b'"report"',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / REPORT_FILE).write_bytes(content)

    with pytest.raises(CheckpointError, match=rf"{REPORT_FILE} holds no readable report"):
        MultilingualReport.load(tmp_path)


@pytest.mark.parametrize("name", ["", "no-such-folder", "no-such-file.json"])
def test_a_report_that_is_not_there_is_an_error_that_names_the_file(tmp_path, name):
    with pytest.raises(CheckpointError, match="holds no readable report"):
        MultilingualReport.load(tmp_path / name)
