"""Power laws through curves of KL, and where these flatten: on made-up curves whose answer is known."""

import numpy as np
import pytest

from optimum_multilingual.analysis.flattening import BROKEN, FALLING, FLAT, UNRESOLVED, find_flattening
from optimum_multilingual.analysis.learning_curve import PowerLaws

TOKENS = 128 * 2 ** np.arange(8)


def curve(floor, scale, exponent, tokens=TOKENS):
    return floor + scale * (np.asarray(tokens) / TOKENS[0]) ** -exponent


def flatten(values, noise=0.0, tolerance=0.02, tokens=TOKENS, draws=400):
    drawn = values * (1 + noise * np.random.default_rng(0).standard_normal((draws, len(values))))
    return find_flattening("mean", tokens, values, drawn, tolerance, 0.95, row=128)


@pytest.mark.parametrize("floor, scale, exponent", [(0.02, 0.01, 1.0), (0.05, 0.5, 0.5), (0.0, 0.03, 0.3), (1, 9, 2)])
def test_the_fit_finds_the_law_a_curve_was_made_by(floor, scale, exponent):
    found = PowerLaws.fit(TOKENS, curve(floor, scale, exponent)[None])
    assert found.exponent[0] == pytest.approx(exponent, rel=0.05)
    assert found.scale[0] == pytest.approx(scale, rel=0.05)
    assert found.floor[0] == pytest.approx(floor, rel=0.05, abs=0.002)
    assert found.at(TOKENS)[0] == pytest.approx(curve(floor, scale, exponent), rel=0.01)


def test_the_fit_is_the_best_one_of_floors_and_scales_that_are_not_negative():
    rising, endless = np.linspace(1, 2, 8), curve(-0.3, 1.0, 0.4)
    laws = PowerLaws.fit(TOKENS, np.stack([rising, endless]))
    assert laws.scale[0] == 0 and laws.floor[1] == 0
    weights = 1 / rising**2
    assert laws.floor[0] == pytest.approx((weights * rising).sum() / weights.sum())


@pytest.mark.parametrize("tolerance", [0.01, 0.02, 0.1])
def test_flat_is_where_the_next_doubling_gains_the_tolerance(tolerance):
    laws = PowerLaws.fit(TOKENS, curve(0.02, 0.02, 0.9)[None])
    size = laws.flat_from(tolerance)
    before, after = laws.at(np.array([size[0], 2 * size[0]]))[0]
    assert 1 - after / before == pytest.approx(tolerance)


def test_what_is_flat_from_the_beginning_or_never():
    flat, endless, steep_before = np.full(8, 0.02), curve(0, 0.02, 0.2), curve(0.02, 1e-5, 1.0)
    sizes = PowerLaws.fit(TOKENS, np.stack([flat, endless, steep_before])).flat_from(0.02)
    assert sizes[0] == sizes[2] == TOKENS[0] and sizes[1] > 1e6 * TOKENS[-1]


def test_a_curve_that_flattens_has_a_budget_of_whole_rows_with_its_interval():
    values = curve(0.02, 0.02, 1.0)
    found = flatten(values, noise=0.002)
    # KL(2n) / KL(n) = 0.98 where the falling part is 1/24 of the floor: 24 times the first size.
    assert found.verdict == FLAT and found.floor == pytest.approx(0.02, rel=0.02)
    assert found.tokens.low <= 24 * 128 < found.tokens.high and found.tokens.value % 128 == 0
    assert found.tokens.value == pytest.approx(24 * 128, rel=0.06)


def test_the_interval_widens_with_noise_until_it_hides_the_answer():
    values = curve(0.02, 0.02, 1.0)
    little, more = flatten(values, noise=0.001), flatten(values, noise=0.004)
    assert little.tokens.low >= more.tokens.low and little.tokens.high <= more.tokens.high
    lost = flatten(values, noise=0.2)
    assert lost.verdict == UNRESOLVED and lost.tokens.high > TOKENS[-1] / 2 >= lost.tokens.low


def test_a_curve_that_still_falls_at_the_end_has_no_budget():
    found = flatten(curve(0, 0.03, 0.3), noise=0.001)
    assert found.verdict == FALLING and found.tokens.low == TOKENS[-1]


def test_a_curve_whose_last_step_gained_nothing_is_not_called_falling():
    values = curve(0, 0.03, 0.3)
    values[-1] = values[-2]
    found = flatten(values, noise=0.001)
    assert found.tokens.low > TOKENS[-1] / 2 and found.verdict == UNRESOLVED


def test_a_curve_without_numbers_is_broken():
    values = curve(0.02, 0.02, 1.0)
    values[0] = np.inf
    assert flatten(values).verdict == BROKEN


def test_the_interval_covers_the_answer_as_often_as_it_says():
    truth, sigma, covered = curve(0.02, 0.02, 1.0), 0.004, 0
    generator = np.random.default_rng(1)
    for _ in range(60):
        seen = truth * (1 + sigma * generator.standard_normal(8))
        drawn = seen * (1 + sigma * generator.standard_normal((200, 8)))
        found = find_flattening("mean", TOKENS, seen, drawn, 0.02, 0.95, row=1)
        covered += found.tokens.low <= 24 * 128 <= found.tokens.high
    assert 50 <= covered <= 60
