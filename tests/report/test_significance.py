"""Errors of ratios, p-values and the correction for many languages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optimum_multilingual.report.significance import holm, p_value, ratio_error


def test_the_p_value_is_that_of_scipys_t_test():
    values = np.random.default_rng(0).normal(0.3, 1, 20)
    expected = stats.ttest_1samp(values, 0)
    found = p_value(values.mean(), values.std(ddof=1) / math.sqrt(20), 20)
    assert found == pytest.approx(expected.pvalue, rel=1e-12)


def test_over_equal_denominators_the_error_is_that_of_a_mean():
    values = np.random.default_rng(0).normal(3, 1, 50)
    assert ratio_error(values, np.ones(50)) == pytest.approx(stats.sem(values), rel=1e-12)


def test_a_ratio_that_is_the_same_everywhere_has_no_error():
    denominators = np.random.default_rng(0).gamma(1, size=50)
    assert ratio_error(1.1 * denominators, denominators) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("value", "error", "expected"), [(0.0, 0.0, 1.0), (0.1, 0.0, 0.0), (math.nan, 1.0, 1.0), (1.0, math.nan, 1.0)]
)
def test_p_values_at_the_edges(value, error, expected):
    assert p_value(value, error, 10) == expected


def test_one_document_has_no_error():
    assert math.isnan(ratio_error(np.ones(1), np.ones(1)))


def test_holms_own_steps():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_holm_rejects_what_its_definition_rejects(p_values, alpha):
    rejected = set()
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p <= alpha} == rejected
