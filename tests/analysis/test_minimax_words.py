"""What the search for shares says it came to."""

import math

from setting_sums import sums

from optimum_multilingual.analysis.minimax_result import MinimaxMixture, Step
from optimum_multilingual.analysis.minimax_sets import described_search
from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.languages import find_languages
from optimum_multilingual.report.searched_shares import describe_search

UNIFORM = Step((0.5, 0.5), (2, 2), (0.10, 0.05))
OTHER = Step((0.75, 0.25), (3, 1), (0.11, 0.05))


def result(steps, best, check):
    uniform, minimax = check
    losses = Losses.of({"uniform": sums(uniform), "minimax": sums(minimax)}, "kl", 400, 0.95, 0)
    return MinimaxMixture.of("gptq at 3 bits", find_languages(["en", "sw"]), steps, best, losses, {})


def found(uniform, minimax):
    steps = [Step((0.5, 0.5), (2, 2), uniform), Step((0.75, 0.25), (3, 1), minimax)]
    return result(steps, steps[1], ([uniform], [minimax]))


def test_a_better_worst_language_is_taken():
    better = found((0.10, 0.05), (0.08, 0.06))
    assert better.improved and better.shares == {"eng_Latn": 0.75, "swh_Latn": 0.25}
    assert math.isclose(better.worst_change.value, -0.2) and math.isclose(
        better.mean_change.value, -1 / 15, rel_tol=0.01
    )
    assert "Of 2 mixtures that were tried, number 2 is the minimax mixture" in better.conclusion
    assert better.to_markdown().splitlines()[0].endswith("; gptq at 3 bits")


def test_what_is_not_better_on_other_text_falls_back_to_uniform_and_says_so():
    worse = found((0.10, 0.05), (0.11, 0.05))
    assert not worse.improved and set(worse.shares.values()) == {0.5}
    assert "so the shares are uniform" in worse.conclusion and worse.conclusion.endswith(": worse.")
    noisy = result([UNIFORM, OTHER], OTHER, ([(0.10, 0.05), (0.14, 0.05)], [(0.09, 0.05), (0.14, 0.05)]))
    assert "No mixture of 2 lowered the worst language beyond noise" in noisy.conclusion
    assert noisy.conclusion.endswith(": unresolved.")


def test_a_search_that_tried_nothing_else_says_so():
    alone = result([UNIFORM], UNIFORM, ([(0.10, 0.05)],) * 2)
    assert not alone.improved and set(alone.shares.values()) == {0.5}
    assert "No mixture but the uniform one was tried" in alone.conclusion and "unresolved" not in alone.conclusion
    assert describe_search(described_search(alone)) == "minimax, uniform in the end: no other mixture was tried"


def test_where_uniform_shares_stay_the_best_of_the_search_nothing_is_compared_on_other_text():
    same = result([UNIFORM, OTHER], UNIFORM, ([(0.10, 0.05)],) * 2)
    assert "Of 2 mixtures that were tried, none that keeps the mean was better than the uniform one" in same.conclusion
    assert "+0.0%" not in same.conclusion and "unresolved" not in same.conclusion
    assert describe_search(described_search(same)).endswith(
        "none of 2 mixtures tried was better on the text of the search"
    )


def test_a_language_that_breaks_leaves_nothing_to_compare():
    broken = Step((0.5, 0.5), (2, 2), (0.10, math.inf))
    assert "A language is broken with uniform shares" in result([broken], broken, ([(0.1, math.inf)],) * 2).conclusion
    on_other_text = result([UNIFORM, OTHER], OTHER, ([(0.1, 0.05)], [(0.1, math.inf)])).conclusion
    assert "cannot be compared and the shares are uniform: unresolved" in on_other_text and "nan" not in on_other_text
