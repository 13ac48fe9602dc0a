"""Resampled sums keep columns paired, and their intervals cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from optimum_multilingual.evaluation.bootstrap import MAX_COUNTS, percentile_interval, resample_sums


def sums_of(documents: int, measures: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, size=(documents, measures))


@pytest.mark.parametrize(("documents", "measures", "draws"), [(8, 1, 100), (50, 6, 1), (1, 2, 7)])
def test_there_is_one_row_for_each_draw_and_one_column_for_each_measure(documents, measures, draws):
    assert resample_sums(sums_of(documents, measures), draws, seed=0).shape == (draws, measures)


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    data = sums_of(20)

    assert np.array_equal(resample_sums(data, 50, seed=[3, 4]), resample_sums(data, 50, seed=[3, 4]))
    assert not np.array_equal(resample_sums(data, 50, seed=[3, 4]), resample_sums(data, 50, seed=[3, 5]))


def test_the_global_generator_of_numpy_is_not_touched():
    np.random.seed(0)
    undisturbed = np.random.random()

    np.random.seed(0)
    resample_sums(sums_of(20), 50, seed=0)

    assert np.random.random() == undisturbed


def test_every_draw_takes_as_many_documents_as_there_are():
    assert np.array_equal(resample_sums(np.ones((10, 2)), draws=30, seed=0), np.full((30, 2), 10.0))


def test_one_draw_of_documents_serves_all_columns():
    column = sums_of(40, 1)
    draws = resample_sums(np.hstack([column, column, 3 * column - 1]), 200, seed=1)

    assert np.array_equal(draws[:, 0], draws[:, 1])
    assert np.allclose(draws[:, 2], 3 * draws[:, 0] - 40)
    assert draws[:, 0].std() > 0


def test_the_draws_scatter_around_the_sum_as_the_theory_says():
    data = sums_of(100, 1)
    draws = resample_sums(data, 20_000, seed=0)[:, 0]

    standard_error = data.std() * np.sqrt(len(data))
    assert draws.mean() == pytest.approx(data.sum(), abs=4 * standard_error / np.sqrt(20_000))
    assert draws.std() == pytest.approx(standard_error, rel=0.03)


def test_draws_made_in_parts_are_the_draws_made_at_once():
    documents, draws = 60_000, 100
    assert MAX_COUNTS // documents < draws, "the draws must not fit into one part"
    data = sums_of(documents, 2)

    counts = np.random.default_rng(5).multinomial(documents, np.full(documents, 1 / documents), size=draws)
    assert np.allclose(resample_sums(data, draws, seed=5), counts @ data, rtol=1e-12)


@pytest.mark.parametrize(
    ("confidence", "expected"), [(0.95, (2.5, 97.5)), (0.9, (5.0, 95.0)), (0.5, (25.0, 75.0)), (0.99, (0.5, 99.5))]
)
def test_the_interval_leaves_the_same_share_on_both_sides(confidence, expected):
    samples = np.random.default_rng(0).permutation(np.arange(101.0))

    assert percentile_interval(samples, confidence) == pytest.approx(expected)


def test_an_interval_of_90_percent_holds_the_true_ratio_about_90_times_in_100():
    generator = np.random.default_rng(0)
    held = 0
    for experiment in range(400):
        tokens = generator.integers(20, 200, size=60)
        change = tokens * generator.normal(0.05, 0.1, size=60)
        draws = resample_sums(np.stack([tokens, change], axis=1), 200, seed=experiment)
        low, high = percentile_interval(draws[:, 1] / draws[:, 0], confidence=0.9)
        held += low <= 0.05 <= high

    assert 0.85 < held / 400 < 0.94
