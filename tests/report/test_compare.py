"""Settings side by side: only where text and reference are the same, and the best only where it is resolved."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from pyarrow import parquet

from optimum_multilingual import compare_reports
from optimum_multilingual.errors import ConfigError

CHANGES = {"en": 0.1, "sw": 0.3}


@pytest.fixture
def three_and_four(measured_report):
    four = measured_report({"en": 0.1, "sw": 0.3, "yo": 0.1}, {"bits": 4})
    three = measured_report({"en": 0.1001, "sw": 0.6, "yo": math.nan}, {"bits": 3})
    return compare_reports([three, four])


def test_the_best_of_a_row_is_marked_only_where_intervals_do_not_overlap(three_and_four):
    assert three_and_four.best("swh_Latn") == 1
    assert three_and_four.best("eng_Latn") is None
    assert three_and_four.best("yor_Latn") == 1  # the other one is broken
    lines = three_and_four.to_markdown().splitlines()
    swahili = next(line for line in lines if "Swahili" in line)
    english = next(line for line in lines if "English" in line)
    assert swahili.count(" *") == 1 and swahili.rstrip(" |").endswith("damaged *")
    assert " *" not in english


def test_the_table_has_change_kl_and_verdict_of_each_setting_worst_first(three_and_four):
    text = three_and_four.to_markdown()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "_" in line]
    assert [line.split("(")[1].split(")")[0] for line in rows] == ["yor_Latn", "swh_Latn", "eng_Latn"]
    for report in three_and_four.reports:
        for score in report.scores:
            if score.verdict != "broken":
                assert f"{score.relative_change.value:+.2%}" in text and f"{score.kl.mean.value:.4f}" in text
    assert "bits 3: change" in text and "bits 4: verdict" in text
    assert text.startswith("model me/model, method gptq; 95% intervals")
    assert "over the 2 languages that all settings have and none broke:" in text


def test_a_language_of_one_setting_only_is_shown_and_not_compared(measured_report):
    comparison = compare_reports(
        [measured_report({**CHANGES, "am": 0.1}, {"bits": 3}), measured_report(CHANGES, {"bits": 4})]
    )
    assert comparison.best("amh_Ethi") is None
    assert "not measured" in next(line for line in comparison.to_markdown().splitlines() if "Amharic" in line)
    assert "amh_Ethi" not in comparison.shared


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ([{"bits": 3}, {"bits": 4}], ("bits 3", "bits 4")),
        ([{"compared": "awq", "bits": 3}, {"compared": "gptq"}], ("awq", "gptq")),
        ([{}, {}], ("report 1", "report 2")),
        ([{"bits": 3}, {"bits": 3}, {"bits": 4}], ("bits 3 report 1", "bits 3 report 2", "bits 4")),
    ],
)
def test_labels_tell_settings_apart(measured_report, settings, labels):
    assert compare_reports([measured_report(CHANGES, setting) for setting in settings]).labels == labels


def test_calibration_tells_apart_what_settings_do_not(measured_report):
    reports = [
        dataclasses.replace(measured_report(CHANGES), calibration={"fingerprint": name * 16}) for name in ("ab", "cd")
    ]
    assert compare_reports(reports).labels == ("calibration abababab", "calibration cdcdcdcd")


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        (
            CHANGES,
            {"tokens": 24},
            "measured English on different text (750 tokens in 3,000 bytes of 30 documents, and 720",
        ),
        (CHANGES, {"setting": {"model": "me/other"}}, "different reference models (model 'me/model' and 'me/other')"),
        (CHANGES, {"confidence": 0.9}, "intervals of different confidence (0.95 and 0.9)"),
        ({"am": 0.1}, {}, "No language is in all of these reports"),
    ],
)
def test_reports_that_do_not_fit_are_refused(measured_report, changes, given, message):
    with pytest.raises(ConfigError) as caught:
        compare_reports([measured_report(CHANGES), measured_report(changes, **given)])
    assert message in str(caught.value)


def test_another_reference_of_the_same_name_is_refused(measured_report):
    report = measured_report(CHANGES)
    english = report["en"]
    other = dataclasses.replace(
        english, reference=dataclasses.replace(english.reference, nll=english.reference.nll * 1.01)
    )
    with pytest.raises(ConfigError, match="give the reference model different scores in English"):
        compare_reports([report, dataclasses.replace(report, scores=(other, report["sw"]))])


def test_one_report_is_no_comparison(measured_report):
    with pytest.raises(ConfigError, match="two or more reports, got 1"):
        compare_reports([measured_report(CHANGES)])


def test_files_of_a_comparison(three_and_four, tmp_path: Path):
    three_and_four.save(tmp_path / "both.parquet")
    table = parquet.read_table(tmp_path / "both.parquet")
    assert table.column("setting_bits").to_pylist() == [3.0] * 3 + [4.0] * 3
    assert table.column("relative_change").to_pylist()[1] == three_and_four.reports[0]["sw"].relative_change.value
    three_and_four.save(tmp_path / "both.md")
    assert (tmp_path / "both.md").read_text("utf-8") == f"{three_and_four}\n"
    with pytest.raises(ConfigError, match=r"A comparison can be written as \.md, .*; both\.json ends otherwise"):
        three_and_four.save(tmp_path / "both.json")
    assert not (tmp_path / "both.json").exists()
    assert json.loads(table.column("setting").to_pylist()[0])["bits"] == 3
