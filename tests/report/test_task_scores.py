from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from optimum_multilingual.errors import ConfigError
from optimum_multilingual.evaluation.downstream import Answers
from optimum_multilingual.languages import find_language
from optimum_multilingual.report.merge import merge_reports
from optimum_multilingual.report.multilingual_report import MultilingualReport
from optimum_multilingual.report.task_scores import score_tasks


def task(name, language="sw"):
    return SimpleNamespace(name=name, language=find_language(language), metric="acc")


def answers(lost, gained, stayed_right, stayed_wrong, chance=0.25):
    """Before and after of so many items of each kind."""
    before = np.array([True] * lost + [False] * gained + [True] * stayed_right + [False] * stayed_wrong)
    after = np.array([False] * lost + [True] * gained + [True] * stayed_right + [False] * stayed_wrong)
    return Answers(before, chance), Answers(after, chance)


def test_mcnemar_is_the_binomial_of_items_that_changed():
    (score,) = score_tasks([(task("a"), *answers(9, 2, 80, 9))], 0.95)

    assert score.p_value == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert (score.lost, score.gained, score.flips) == (9, 2, 0.11)
    assert score.change.value == pytest.approx(-0.07)
    difference = np.array([-1] * 9 + [1] * 2 + [0] * 89)
    assert score.change.high - score.change.low == pytest.approx(2 * 1.959964 * difference.std(ddof=1) / 10, rel=1e-6)


def test_verdicts_come_from_the_corrected_test():
    one = score_tasks([(task("a"), *answers(10, 1, 80, 9))], 0.95)
    many = score_tasks([(task(str(n)), *answers(10, 1, 80, 9)) for n in range(12)], 0.95)

    assert one[0].verdict == "damaged"
    assert {score.verdict for score in many} == {"unresolved"}
    assert many[0].p_adjusted == pytest.approx(12 * one[0].p_value)


def test_improvement_and_no_change_have_their_words():
    better, same = score_tasks([(task("a"), *answers(0, 20, 60, 20)), (task("b"), *answers(0, 0, 60, 40))], 0.95)

    assert (better.verdict, same.verdict, same.p_value) == ("improved", "unresolved", 1.0)


def test_tasks_at_chance_get_no_verdict_and_do_not_count_in_the_correction():
    guessed, known = score_tasks([(task("a"), *answers(25, 0, 0, 75)), (task("b"), *answers(10, 1, 80, 9))], 0.95)

    assert guessed.verdict == "at chance"
    assert known.p_adjusted == known.p_value


@pytest.fixture
def report(measured_report):
    tasks = [
        (task("quiz_sw"), *answers(10, 1, 80, 9)),
        (task("test_sw"), *answers(2, 1, 80, 17)),
        (task("quiz_en", "en"), *answers(1, 1, 80, 18)),
        (task("coin", "en"), *answers(5, 5, 20, 70)),
    ]
    return replace(measured_report({"sw": 0.1, "en": 0.0, "yo": 0.2}), tasks=score_tasks(tasks, 0.95))


def test_a_report_with_tasks_comes_back_from_json(report):
    values = report.to_dict()

    assert MultilingualReport.from_dict(values) == report
    assert values["tasks"][0]["verdict"] == "damaged"


def test_a_report_from_before_there_were_tasks_is_read(report):
    values = report.to_dict()
    del values["tasks"]

    assert MultilingualReport.from_dict(values) == replace(report, tasks=())


def test_the_table_groups_tasks_by_language_worst_first(report):
    lines = [line for line in str(report).splitlines() if "quiz_" in line or "test_sw" in line or "mean of" in line]

    assert [line.split("|")[2].strip() for line in lines] == ["quiz_sw", "test_sw", "mean of 2", "quiz_en"]
    assert " -9.0% |" in lines[0]
    assert "no task in: Yoruba" in str(report)


def test_the_page_has_a_table_of_tasks(report, measured_report):
    assert "Downstream tasks, largest loss first" in report.to_html()
    assert "Downstream tasks" not in measured_report({"sw": 0.1}).to_html()


def test_merged_reports_correct_for_all_tasks(measured_report):
    of_swahili = replace(
        measured_report({"sw": 0.1}), tasks=score_tasks([(task("quiz_sw"), *answers(10, 1, 80, 9))], 0.95)
    )
    of_english = replace(
        measured_report({"en": 0.1}), tasks=score_tasks([(task("quiz_en", "en"), *answers(3, 1, 80, 16))], 0.95)
    )

    merged = merge_reports([of_swahili, of_english])

    assert merged.tasks[0].p_adjusted == pytest.approx(2 * of_swahili.tasks[0].p_value)


def with_tasks(report, *tasks):
    return replace(report, tasks=score_tasks(tasks, 0.95))


def test_one_task_in_several_languages_keeps_the_p_value_of_each(measured_report):
    of_swahili = with_tasks(measured_report({"sw": 0.1}), (task("my_quiz", "sw"), *answers(60, 0, 300, 40)))
    of_yoruba = with_tasks(measured_report({"yo": 0.1}), (task("my_quiz", "yo"), *answers(1, 0, 359, 40)))

    merged = merge_reports([of_swahili, of_yoruba])

    assert [score.verdict for score in merged.tasks] == ["damaged", "unresolved"]
    assert merged.tasks[0].p_adjusted == pytest.approx(2 * of_swahili.tasks[0].p_value)
    assert merged.tasks[1].p_adjusted == 1


def test_one_task_in_one_language_is_not_merged_twice(measured_report):
    first, second = (
        with_tasks(measured_report({language: 0.1}), (task("my_quiz", "sw"), *answers(6, 0, 30, 4)))
        for language in ("sw", "yo")
    )

    with pytest.raises(ConfigError, match=r"'my_quiz' in Swahili \(swh_Latn\) is in report 1 and in report 2"):
        merge_reports([first, second])
