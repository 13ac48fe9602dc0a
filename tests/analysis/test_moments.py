"""Moments summed batch by batch are those of all values at once."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import torch
from scipy import stats

from optimum_multilingual.analysis import moments
from optimum_multilingual.analysis.moments import ChannelStatistics, measure_moments

LOW, HIGH = -20.0, 25.0


@pytest.fixture
def values():
    """Skewed, with heavy tails, far from zero in some channels, and one channel that never changes."""
    normal = np.random.default_rng(0).normal(size=(3000, 13))
    values = normal**3 * np.arange(13) + 5 * np.arange(13) - 30.1
    return torch.from_numpy(values).float()


@pytest.mark.parametrize("sizes", [[3000], [1, 999, 2000], [7] * 428 + [4]])
@pytest.mark.parametrize("piece", [64, 2**17])
def test_statistics_are_those_of_numpy_and_scipy(values, sizes, piece, monkeypatch):
    monkeypatch.setattr(moments, "PIECE_ON_CPU", piece)
    found = ChannelStatistics.of(reduce(add, (measure_moments(batch, LOW, HIGH) for batch in values.split(sizes))))
    whole = values.double().numpy()
    assert found.tokens == 3000
    assert np.array_equal(found.ranges, np.stack([whole.min(0), whole.max(0)]))
    assert np.array_equal(found.absolute_maximum, np.abs(whole).max(0))
    assert found.mean == pytest.approx(whole.mean(0), rel=1e-5)
    assert found.deviation == pytest.approx(whole.std(0), rel=1e-5, abs=1e-5)
    assert found.kurtosis[1:] == pytest.approx(stats.kurtosis(whole[:, 1:]), rel=1e-4)
    assert np.isnan(found.kurtosis[0])
    assert found.outlier_share == pytest.approx(((whole < LOW) | (whole > HIGH)).mean(0), abs=1e-7)
    assert found.norm == pytest.approx(np.sqrt((whole**2).mean(0)), rel=1e-5)
