"""Ranking of settings: paired by documents, moved by draws of the calibration text."""

import numpy as np
import pytest
from setting_sums import sums

from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.report.pooling import Column


def losses(measure="kl", **settings):
    return Losses.of(settings, measure, draws=500, confidence=0.95, seed=3)


def test_values_are_ratios_of_sums_and_means_over_seeds():
    found = losses(a=sums([(0.1, 0.2), (0.3, 0.4)]))
    scale = np.random.default_rng(0).lognormal(0, 0.5, 30).mean()
    assert found.values[0] == pytest.approx([0.2 * scale, 0.3 * scale])
    assert losses("loss", a=sums([(0.1, 0.2)])).values[0] == pytest.approx([0.1 * scale + 3, 0.2 * scale + 3])


def test_settings_are_paired_by_documents():
    # Documents spread far more than settings differ, and yet one setting is lower in every draw.
    found = losses(a=sums([(0.10, 0.10)]), b=sums([(0.11, 0.11)]))
    a, b = (found.estimate(place, 0) for place in (0, 1))
    assert a.high > b.low
    assert found.best(0) == 0
    assert [each.best_share for each in found.ranking()] == [1, 0]


def test_a_difference_smaller_than_that_between_draws_is_unresolved():
    noisy = losses(a=sums([(0.10, 0.1), (0.20, 0.1)]), b=sums([(0.12, 0.1), (0.22, 0.1)]))
    assert noisy.best(0) is None
    assert 0.05 < noisy.ranking()[0].best_share < 0.95
    one_draw = losses(a=sums([(0.10, 0.1)]), b=sums([(0.12, 0.1)]))
    assert one_draw.best(0) == 0


def test_the_spread_of_draws_is_that_of_a_mean_over_seeds():
    generator = np.random.default_rng(1)
    of_seeds = generator.normal(1.0, 0.1, (4, 5))  # settings x seeds
    found = Losses.of(
        {f"s{n}": sums([(v, v) for v in values], spread=0) for n, values in enumerate(of_seeds)}, "kl", 4000, 0.95, 0
    )
    expected = np.sqrt(of_seeds.var(axis=1, ddof=1).mean() / 5)
    assert found.draws[:, 0, 0].std() == pytest.approx(expected, rel=0.1)
    # One calibration set moves all languages together.
    assert found.draws[:, 0, 0].std() == pytest.approx(found.draws[:, 0].mean(axis=-1).std(), rel=1e-6)


def test_ranking_names_the_worst_language_and_orders_by_the_mean():
    found = losses(a=sums([(0.1, 0.9)]), b=sums([(0.4, 0.4)])).ranking()
    assert [each.setting for each in found] == ["b", "a"]
    assert [each.worst_language for each in found] == ["eng_Latn", "swh_Latn"]
    assert [each.rank.value for each in found] == [1, 2] and found[0].rank.low == found[0].rank.high == 1
    assert found[0].best_worst_share == 1


def test_a_broken_language_is_infinite_and_last():
    broken = sums([(0.1, 0.1)])
    broken[0]["swh_Latn"][3, Column.KL] = np.nan
    found = losses(a=broken, b=sums([(0.5, 0.5)]))
    assert found.values[0][1] == np.inf and found.values[0][0] < np.inf
    assert [each.setting for each in found.ranking()] == ["b", "a"]
    assert found.best(1) == 1


def test_the_same_seed_gives_the_same_draws():
    assert np.array_equal(losses(a=sums([(1, 2), (2, 3)])).draws, losses(a=sums([(1, 2), (2, 3)])).draws)


def broken(seeds, *languages):
    for tag in languages:
        seeds[0][tag][3, Column.KL] = np.nan
    return seeds


def test_what_every_setting_broke_decides_nothing():
    found = losses(a=broken(sums([(0.4, 0.1)]), "swh_Latn"), b=broken(sums([(0.1, 0.1)]), "swh_Latn"))
    assert [found.best(place) for place in (0, 1)] == [1, None]
    first, last = found.ranking()
    assert (first.setting, first.rank.value, first.best_share, first.best_worst_share) == ("b", 1, 1, 1)
    assert first.mean.value == first.worst.value == found.values[1, 0] and first.worst_language == "eng_Latn"
    assert first.broken == last.broken == ("swh_Latn",) and last.best_share == 0


def test_settings_that_broke_everything_are_ranked_alike_and_none_is_best():
    both = ("eng_Latn", "swh_Latn")
    found = losses(a=broken(sums([(0.4, 0.1)]), *both), b=broken(sums([(0.1, 0.1)]), *both))
    assert found.best(0) is None and found.best(1) is None
    for each in found.ranking():
        assert each.mean.value == np.inf and each.rank.value == 1 and each.best_share == each.best_worst_share == 0


def test_a_setting_that_broke_more_comes_after_those_that_broke_less():
    settings = {"a": ("eng_Latn",), "b": (), "c": ("eng_Latn", "swh_Latn")}
    ranked = losses(**{name: broken(sums([(0.1, 0.1)]), *tags) for name, tags in settings.items()}).ranking()
    assert [(each.setting, each.rank.value) for each in ranked] == [("b", 1), ("a", 2), ("c", 3)]
    assert ranked[1].mean.value == np.inf and ranked[1].worst_language == "eng_Latn"


def test_settings_that_tie_are_best_nowhere_and_have_one_rank():
    found = losses(a=sums([(0.1, 0.2)]), b=sums([(0.1, 0.2)]), c=sums([(0.3, 0.4)]))
    assert found.best(0) is None and found.best(1) is None
    ranked = found.ranking()
    assert [each.rank.value for each in ranked] == [1, 1, 3]
    assert [each.best_share for each in ranked] == [each.best_worst_share for each in ranked] == [0, 0, 0]
