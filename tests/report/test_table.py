"""The table and what stands below it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from written_reports import EVALUATION, broken, report_of, score

from optimum_multilingual import MultilingualReport
from optimum_multilingual.report.aligned import aligned
from optimum_multilingual.report.draws import Draw, DrawScore, draw_columns, draw_lines


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


def test_a_broken_language_has_no_part_in_the_line_of_means():
    below = str(report_of(score("eng_Latn"), broken("yor_Latn"))).split("\n\n")[-1]

    assert "nan" not in below
    assert "broken, with scores that are no numbers: Yoruba" in below
    assert "macro mean of the other 1 +5.00%" in below


def test_a_noise_floor_that_was_not_measured_is_said_and_survives_json():
    report = report_of(score("eng_Latn"), evaluation=EVALUATION | {"noise_floor": None})
    assert "noise floor of the change not measured" in str(MultilingualReport.from_dict(json.loads(report.to_json())))


def test_a_bar_in_a_name_separates_no_cells():
    assert aligned(["language", "a|b"], [["x|y", "1"]], ["language", "a|b"])[1:] == [
        "| :------- | :--- |",
        r"| x\|y     | 1    |",
    ]


def test_languages_that_a_draw_broke_are_left_out_of_the_means_over_draws():
    draws = [
        Draw(seed, f"set{seed}", (DrawScore("swh_Latn", change, 0.1), DrawScore("hin_Deva", math.inf, math.nan)))
        for seed, change in enumerate((0.01, 0.03))
    ]
    assert draw_columns(draws) == {"swh_Latn": ("+2.00% ± 1.41%",), "hin_Deva": ("broken",)}
    (line,) = draw_lines(draws)
    assert "change +2.00% ± 1.41%, KL 0.1000 ± 0.0000; without 1 languages that a draw broke" in line
    (line,) = draw_lines([replace(draw, languages=draw.languages[1:]) for draw in draws])
    assert line.endswith("every language is broken in one of them or more")
