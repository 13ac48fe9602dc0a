"""Nonsense has the shape of a calibration set, and nothing else of one."""

import string

import pytest

from optimum_multilingual import CalibrationSet
from optimum_multilingual.calibration.nonsense import KINDS, build_nonsense_set
from optimum_multilingual.errors import ConfigError


@pytest.mark.parametrize("kind", KINDS)
def test_rows_have_one_length_and_begin_like_any_row(kind, tokenizer, tmp_path):
    rows = build_nonsense_set(kind, tokenizer, num_rows=5, sequence_length=40)
    ids = rows.token_ids()
    assert ids.shape == (5, 40)
    assert (ids[:, 0] == tokenizer.bos_token_id).all() and (ids == tokenizer.bos_token_id).sum() == 5
    assert ids.max() < len(tokenizer)
    rows.save(tmp_path)
    assert CalibrationSet.load(tmp_path) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind, tokenizer):
    make = [build_nonsense_set(kind, tokenizer, 3, 40, seed).fingerprint for seed in (0, 0, 1)]
    assert make[0] == make[1] != make[2]


def test_random_punctuation_is_punctuation(tokenizer):
    rows = build_nonsense_set("random-punctuation", tokenizer, num_rows=3, sequence_length=40)
    text = tokenizer.decode(rows.token_ids()[:, 1:].ravel())
    assert set(text) <= set(string.punctuation + " ")


def test_random_tokens_are_spread_over_the_vocabulary(tokenizer):
    rows = build_nonsense_set("random-tokens", tokenizer, num_rows=20, sequence_length=200)
    assert len(set(rows.token_ids().ravel().tolist())) > 2000


def test_an_unknown_kind_is_refused(tokenizer):
    with pytest.raises(ConfigError, match=r"no nonsense called 'poetry'.*random-tokens and random-punctuation"):
        build_nonsense_set("poetry", tokenizer, 1, 40)


@pytest.mark.parametrize("size", [(0, 40), (-3, 40), (2.0, 40), (3, 1), (3, 15)])
def test_a_size_that_is_none_is_refused(size, tokenizer):
    with pytest.raises(ConfigError, match="must be a whole number of at least"):
        build_nonsense_set("random-tokens", tokenizer, *size)
