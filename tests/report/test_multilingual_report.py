"""The report: verdicts, summaries, a table, and a file that comes back as it was."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from optimum_multilingual import MultilingualReport
from optimum_multilingual.errors import CheckpointError, LanguageError
from optimum_multilingual.report.multilingual_report import REPORT_FILE
from optimum_multilingual.report.scores import (
    Collapse,
    Divergence,
    Estimate,
    GoldChange,
    GroupScore,
    LanguageScore,
    ModelScore,
    Significance,
    TokenErrors,
)

EVALUATION = {
    "corpus": {"kind": "embedded"},
    "bootstrap_draws": 1000,
    "confidence": 0.95,
    "seed": 0,
    "noise_floor": 2e-5,
    "sequence_length": 512,
}


def score(
    language: str, change: float = 0.02, width: float = 0.01, kl: float = 0.05, nll: float = 2.0
) -> LanguageScore:
    def about(value: float) -> Estimate:
        return Estimate(value, value - width, value + width)

    return LanguageScore(
        language=language,
        documents=24,
        tokens=12_345,
        num_bytes=54_321,
        num_characters=43_210,
        reference=model_score(nll),
        quantized=model_score(nll * (1 + change)),
        nll_change=about(nll * change),
        bits_per_byte_change=about(nll / 3 * change),
        relative_change=about(change),
        significance=Significance(width / 2, 1e-4, 1e-3, True),
        kl=Divergence(about(kl), about(kl / 3), kl / 2, 2 * kl, 3 * kl, 4 * kl, 5 * kl, 6 * kl),
        reverse_kl=Divergence(about(kl), about(kl / 3), kl / 2, 2 * kl, 3 * kl, 4 * kl, 5 * kl, 6 * kl),
        gold=GoldChange(about(-nll * change), -5.0, -3.0, -1.0, 0.0, 1.0, 2.0, 0.04),
        top1_agreement=about(0.9),
        top5_overlap=about(0.8),
        collapse=Collapse(1.0, 1 / 24, ("sw.txt:7",)),
        token_errors=TokenErrors(0.1, 0.2, 0.001, 0.002, 0.003),
    )


def model_score(nll: float) -> ModelScore:
    return ModelScore(nll, math.exp(nll), nll / 3, nll / 2, nll * 500)


def group(scores) -> GroupScore:
    tags = tuple(score.language for score in scores if score.verdict != "broken")
    return GroupScore(
        "all", "all", tags, Estimate(0.05, 0.04, 0.06), Estimate(0.1, 0.09, 0.11), Estimate(0.9, 0.8, 1.0)
    )


def broken(language: str, change: float = math.nan) -> LanguageScore:
    spoilt = Estimate(change, math.nan, math.nan)
    return dataclasses.replace(
        score(language),
        quantized=model_score(math.nan),
        nll_change=spoilt,
        bits_per_byte_change=spoilt,
        relative_change=spoilt,
    )


def report_of(*scores: LanguageScore, **changes) -> MultilingualReport:
    values = {
        "scores": scores,
        "groups": (group(scores),),
        "setting": {"model": "tiny", "method": "gptq", "bits": 4, "group_size": None, "kernel": "Torch"},
        "evaluation": EVALUATION,
        "calibration": {"fingerprint": "ab", "rows": {"eng_Latn": 4}},
    }
    return MultilingualReport(**{**values, **changes})


@pytest.fixture
def report() -> MultilingualReport:
    return report_of(score("eng_Latn", 0.01), score("yor_Latn", 0.09, kl=0.02), score("cmn_Hans", 0.05, kl=0.3))


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


def table_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_has_one_row_for_each_language_worst_first(report):
    header, _, *rows = table_of(report.to_markdown())

    assert [row[0] for row in rows] == ["Yoruba (yo)", "Chinese (zh)", "English (en)"]
    assert all(len(row) == len(header) for row in rows)


def test_the_table_says_what_was_measured():
    header, _, row = table_of(report_of(score("eng_Latn", 0.01)).to_markdown())

    cells = dict(zip(header, row, strict=True))
    assert cells == {
        "language": "English (en)",
        "tokens": "12,345",
        "ppl before": "7.39",
        "ppl after": "7.54",
        "bits/byte before": "0.6667",
        "bits/byte after": "0.6733",
        "change": "+1.00%",
        "interval": "+0.00% .. +2.00%",
        "KL": "0.0500",
        "top-1": "90.0%",
        "verdict": "unresolved",
    }


@pytest.mark.parametrize(
    "scores",
    [
        [score("eng_Latn")],
        [score("eng_Latn", 0.0), score("swh_Latn", 1.5, nll=11.0), broken("yor_Latn"), broken("cmn_Hant", math.inf)],
    ],
    ids=["one language", "very different languages"],
)
def test_the_table_is_aligned_and_is_markdown(scores):
    markdown = report_of(*scores).to_markdown()

    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(scores)
    bars = [[place for place, letter in enumerate(line) if letter == "|"] for line in lines]
    assert all(of_line == bars[0] for of_line in bars)
    assert set(lines[1]) == set("|-: ")
    assert markdown.split("\n\n")[1].splitlines() == lines, "a table stands between blank lines"


def test_the_summary_below_the_table_names_the_worst_and_counts_the_verdicts(report):
    below = str(report).split("\n\n")[2]

    assert "macro mean +5.00% (+4.00% .. +6.00%), worst Yoruba +9.00%, gap 8.00%" in below
    assert "KL to the reference: macro mean 0.1233, worst Chinese 0.3000, gap 0.2800" in below
    assert "verdicts, corrected for 3 languages after Holm: 1 unresolved, 2 damaged" in below


@pytest.mark.parametrize(("confidence", "said"), [(0.95, "95%"), (0.9, "90%"), (0.995, "99.5%"), (0.999, "99.9%")])
def test_the_line_above_the_table_says_the_setting_and_the_confidence(confidence, said):
    evaluation = EVALUATION | {"confidence": confidence}
    above = str(report_of(score("eng_Latn"), evaluation=evaluation)).split("\n\n")[0]

    text = "measured on held-out text of corpus embedded in windows of up to 512 tokens"
    assert above == f"model tiny, method gptq, bits 4, kernel Torch; {text}; {said} intervals from 1000 paired draws"


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


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_report_of_another_schema_version_is_refused_with_both_versions(report, tmp_path, version):
    (tmp_path / REPORT_FILE).write_text(json.dumps({**report.to_dict(), "schema_version": version}))

    with pytest.raises(CheckpointError, match=rf"schema version {version!r} cannot be read; this version .* reads 1"):
        MultilingualReport.load(tmp_path)


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


def test_a_broken_language_has_no_part_in_the_line_of_means():
    below = str(report_of(score("eng_Latn"), broken("yor_Latn"))).split("\n\n")[-1]

    assert "nan" not in below
    assert "broken, with scores that are no numbers: Yoruba" in below
    assert "macro mean of the other 1 +5.00%" in below


def test_a_noise_floor_that_was_not_measured_is_said_and_survives_json():
    report = report_of(score("eng_Latn"), evaluation=EVALUATION | {"noise_floor": None})
    assert "noise floor of the change not measured" in str(MultilingualReport.from_dict(json.loads(report.to_json())))
