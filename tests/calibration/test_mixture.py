"""Shares become whole rows exactly, and rows come in a balanced order."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.calibration.mixture import allocate, interleave, temper
from optimum_multilingual.errors import ConfigError

WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=12)
FLOAT_WEIGHTS = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12)
COUNTS = st.lists(st.integers(1, 12), min_size=1, max_size=8)


def quotas_of(num_rows: int, weights: list[float]) -> list[Fraction]:
    total = sum(map(Fraction, weights))
    return [num_rows * Fraction(weight) / total for weight in weights]


@pytest.mark.parametrize(
    ("num_rows", "weights", "expected"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (10, [1000, 1, 1], [8, 1, 1]),
        (100, [50, 30, 20], [50, 30, 20]),
        (10, [0.1, 0.2, 0.7], [1, 2, 7]),
        (3, [1e9, 1, 1], [1, 1, 1]),
        (7, [5], [7]),
        (128, [1.0] * 16, [8] * 16),
        (10, [1e-300, 1e300], [1, 9]),
    ],
)
def test_rows_are_allocated_as_worked_out_by_hand(num_rows, weights, expected):
    assert allocate(num_rows, weights) == expected


@given(weights=WEIGHTS | FLOAT_WEIGHTS, spare=st.integers(0, 500))
def test_allocated_rows_sum_exactly_and_every_language_gets_one(weights, spare):
    counts = allocate(len(weights) + spare, weights)

    assert sum(counts) == len(weights) + spare
    assert len(counts) == len(weights)
    assert min(counts) >= 1


@given(weights=WEIGHTS, factor=st.integers(1, 5))
def test_each_count_is_within_one_row_of_its_quota_when_none_is_below_one_row(weights, factor):
    num_rows = factor * -(-sum(weights) // min(weights))
    quotas = quotas_of(num_rows, weights)
    assert min(quotas) >= 1

    assert all(abs(count - quota) < 1 for count, quota in zip(allocate(num_rows, weights), quotas))


@given(weights=WEIGHTS, factor=st.integers(1, 20))
def test_shares_that_are_whole_rows_are_given_exactly(weights, factor):
    assert allocate(factor * sum(weights), weights) == [factor * weight for weight in weights]


@given(weights=WEIGHTS, spare=st.integers(0, 300))
def test_a_heavier_language_never_gets_fewer_rows(weights, spare):
    counts = allocate(len(weights) + spare, weights)

    by_weight = sorted(zip(weights, counts))
    for (light, few), (heavy, many) in pairwise(by_weight):
        assert light == heavy or few <= many


@given(weights=WEIGHTS, spare=st.integers(0, 300), place=st.integers(0, 11), more=st.integers(1, 1000))
def test_raising_a_weight_never_costs_its_language_rows(weights, spare, place, more):
    place %= len(weights)
    raised = [weight + more * (i == place) for i, weight in enumerate(weights)]
    num_rows = len(weights) + spare

    assert allocate(num_rows, raised)[place] >= allocate(num_rows, weights)[place]


@given(weights=WEIGHTS, spare=st.integers(0, 300), scale=st.integers(2, 99))
def test_only_the_ratio_of_weights_matters(weights, spare, scale):
    num_rows = len(weights) + spare

    assert allocate(num_rows, [scale * weight for weight in weights]) == allocate(num_rows, weights)


def test_fewer_rows_than_languages_is_refused():
    with pytest.raises(ConfigError, match="2 rows cannot hold 3 languages; give at least one row for each"):
        allocate(2, [1, 1, 1])


def test_temperature_one_leaves_sizes_as_they_are():
    assert temper([100, 7, 1], temperature=1) == [100, 7, 1]


def test_temperature_two_takes_square_roots():
    assert temper([100, 9, 1], temperature=2) == pytest.approx([10, 3, 1])


@given(sizes=st.lists(st.integers(1, 10**12), min_size=2, max_size=8), low=st.floats(1, 5), step=st.floats(0.5, 20))
def test_a_higher_temperature_brings_the_shares_closer(sizes, low, step):
    cool, warm = temper(sizes, low), temper(sizes, low + step)

    assert max(warm) / min(warm) <= max(cool) / min(cool) * (1 + 1e-9)
    assert sorted(range(len(sizes)), key=sizes.__getitem__) == sorted(range(len(sizes)), key=warm.__getitem__)


def test_a_temperature_beyond_all_numbers_is_refused():
    with pytest.raises(ConfigError, match=r"temperature=0\.001 .*give 1 for proportional"):
        temper([30_000, 20_000], temperature=0.001)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([2, 2, 2], [0, 1, 2, 0, 1, 2]),
        ([4, 2], [0, 1, 0, 0, 1, 0]),
        ([3], [0, 0, 0]),
        ([1, 1], [0, 1]),
        ([0, 2], [1, 1]),
    ],
)
def test_rows_are_interleaved_as_worked_out_by_hand(counts, expected):
    assert interleave(counts) == expected


@given(counts=COUNTS)
def test_every_prefix_of_the_order_is_as_near_to_the_shares_as_tijdeman_proved_possible(counts):
    order = interleave(counts)
    bound = 1 - Fraction(1, max(2 * len(counts) - 2, 2))

    assert [order.count(place) for place in range(len(counts))] == counts
    for length in range(len(order) + 1):
        for place, count in enumerate(counts):
            assert abs(order[:length].count(place) - Fraction(length * count, sum(counts))) <= bound < 1


@given(languages=st.integers(1, 12), rounds=st.integers(1, 12))
def test_equal_counts_are_interleaved_round_robin(languages, rounds):
    assert interleave([rounds] * languages) == list(range(languages)) * rounds
