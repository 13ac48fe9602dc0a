"""The search for the mixture whose worst language loses least."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from measurements import measurement
from setting_sums import sums

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, find_minimax_mixture
from optimum_multilingual.analysis import minimax
from optimum_multilingual.analysis.hedge import LEAST_OF_UNIFORM, has_stalled, reweight
from optimum_multilingual.analysis.minimax_result import MinimaxMixture, Step
from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.analysis.row_pool import RowPool
from optimum_multilingual.analysis.shares_search import Mixtures, SearchRule, SharesSearch, draw_pool
from optimum_multilingual.calibration.mixture import allocate
from optimum_multilingual.errors import ConfigError, CorpusExhaustedError
from optimum_multilingual.languages import find_languages


def config(**changes):
    settings = {"bits": 3, "languages": ["en", "sw"], "num_rows": 4, "sequence_length": 32, **changes}
    return MultilingualCalibrationConfig("gptq", **settings)


def test_shares_grow_where_damage_is_above_the_mean_and_sum_to_one():
    shares = reweight([0.25] * 4, [4.0, 2.0, 1.0, 1.0], rate=0.5)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] > 0.25 > shares[2] == shares[3] and shares[1] == pytest.approx(0.25, rel=0.1)
    assert reweight([0.2, 0.8], [3.0, 3.0], rate=1) == pytest.approx([0.2, 0.8])


def test_no_language_falls_to_nothing():
    shares = [0.25] * 4
    for _ in range(50):
        shares = reweight(shares, [9.0, 1.0, 1.0, 1.0], rate=1)
    assert min(shares) > 0.04


def test_a_language_at_the_floor_is_paid_for_by_the_others():
    shares = reweight([0.9] + [0.1 / 9] * 9, [1.0] * 10, rate=1)
    assert sum(shares) == pytest.approx(1) and min(shares) >= LEAST_OF_UNIFORM / 10
    assert shares == pytest.approx([1 - 9 * 0.025] + [0.025] * 9)
    # Lifting one takes from those just above the floor, and may bring them to it too.
    shares = reweight([0.9, 0.026] + [0.074 / 8] * 8, [1.0] * 10, rate=1)
    assert min(shares) >= LEAST_OF_UNIFORM / 10 and sum(shares) == pytest.approx(1)


def test_the_largest_rate_with_many_languages_stays_within_numbers():
    shares = reweight([1 / 200] * 200, [50.0] + [1e-9] * 199, rate=10)
    assert min(shares) >= LEAST_OF_UNIFORM / 200 and sum(shares) == pytest.approx(1)


def test_the_search_finds_the_mixture_that_makes_damages_equal():
    # A language's damage falls slowly with its share, as it does in models; the best worst case has all of them equal.
    hardness = np.array([1.0, 1.3, 0.8, 1.1])
    equal = hardness ** (1 / 0.3)
    best = (hardness * (equal / equal.sum()) ** -0.3).max()
    shares, worst = [0.25] * 4, []
    for _ in range(25):
        damages = hardness * np.array(shares) ** -0.3
        worst.append(damages.max())
        shares = reweight(shares, damages, rate=1)
    assert worst[0] > 1.1 * best and worst[-1] == pytest.approx(best, rel=0.01)


def test_the_search_stops_when_it_gains_no_more():
    assert not has_stalled([1.0, 0.9], patience=2, least_gain=0.01)
    assert not has_stalled([1.0, 0.9, 0.8], patience=2, least_gain=0.01)
    assert has_stalled([1.0, 0.9, 0.899, 0.95], patience=2, least_gain=0.01)


class SyntheticMixtures(Mixtures):
    """A model on which a language's damage falls slowly with its share, steeper where there are few rows."""

    def step(self, shares):
        hardness = np.array([2.0, 1.0, 1.0, 1.0])
        rows = tuple(round(1000 * share) for share in shares)
        return Step(tuple(shares), rows, tuple(hardness * (np.array(shares) ** -0.25)))


@pytest.mark.parametrize("rise", [0.0, 0.02, np.inf])
def test_the_mean_rises_no_more_than_it_may(rise):
    rule = SearchRule(steps=8, rate=1, mean_rise=rise)
    mixtures = SyntheticMixtures(None, None, None, None, None)
    tried, best = SharesSearch(None, SimpleNamespace(languages="abcd"), None, rule).search(mixtures)
    lowest = min(tried, key=lambda step: step.worst)
    assert best.mean <= (1 + rise) * tried[0].mean
    assert (best is lowest) == (rise == np.inf) and len(tried) == (8 if rise == np.inf else 10)
    assert lowest.worst < 0.85 * tried[0].worst, "without a limit the worst language gains, and the others pay"
    if rise:
        assert best.worst < tried[0].worst


@pytest.fixture(scope="module")
def pool(tokenizer):
    texts = {
        "en": [f"The river was high in year {n}, and nobody crossed it before noon." for n in range(300)],
        "sw": [f"Mto ulijaa mwaka wa {n}, na hakuna aliyevuka kabla ya adhuhuri." for n in range(24)],
    }
    settings = {"corpus": texts, "deduplicate": False, "sequence_length": 64, "num_rows": 16}
    return RowPool.build(config(**settings), 14, tokenizer, None)


def test_mixtures_take_the_first_rows_of_every_language(pool):
    more, less = pool.mixture([0.75, 0.25]), pool.mixture([0.5, 0.5])
    assert more.rows_of_languages() == {"eng_Latn": 12, "swh_Latn": 4}
    rows = {
        name: [row for row in of_it if row.language.tag == "swh_Latn"] for name, of_it in (("m", more), ("l", less))
    }
    assert rows["m"] == rows["l"][:4]
    assert more.manifest.languages["eng_Latn"]["weight"] == 0.75
    assert more.fingerprint != less.fingerprint == pool.mixture([0.5, 0.5]).fingerprint
    assert more.manifest.row_hashes != less.manifest.row_hashes


def test_what_a_language_has_too_little_text_for_goes_to_the_others(pool):
    limit = len(pool.packed[find_languages(["sw"])[0]])
    assert 8 <= limit < 14, "the text ends between the uniform share and the most rows"
    assert pool.counts([0.01, 0.99]) == [16 - limit, limit]


def test_the_shares_found_give_the_rows_that_were_measured(pool):
    wanted = (0.01, 0.99)
    rows = tuple(pool.counts(wanted))
    assert rows != tuple(allocate(16, wanted)), "the text of one language ends"
    steps = [Step((0.5, 0.5), (8, 8), (0.10, 0.05)), Step(wanted, rows, (0.08, 0.06))]
    losses = Losses.of({"uniform": sums([(0.10, 0.05)]), "minimax": sums([(0.08, 0.06)])}, "kl", 100, 0.95, 0)
    shares = MinimaxMixture.of("gptq", pool.languages, steps, steps[1], losses, {}).shares
    asked = replace(config(num_rows=16), mixture=shares)
    assert allocate(16, list(asked.weights.values())) == list(rows)
    described = pool.mixture(wanted).manifest.languages
    assert {tag: of_it["weight"] for tag, of_it in described.items()} == shares


def test_shares_of_the_same_whole_rows_are_one_mixture_measured_once(pool):
    measured = []

    class Bench:
        def quantize(self, config, calibration_set):
            measured.append(calibration_set.rows_of_languages())
            model = SimpleNamespace(config=SimpleNamespace(), name_or_path="me/model")
            return model, SimpleNamespace(setting=lambda model: {"method": "gptq", "bits": 3})

        def compare(self, quantized, backend, evaluation, reference):
            return {
                language: measurement(np.ones(30), np.ones(30), [10, 20], kl=np.full(30, damage))
                for language, damage in zip(pool.languages, (0.2, 0.1))
            }

    mixtures = Mixtures(None, pool, Bench(), None, None)
    tried, _ = SharesSearch(None, pool, None, SearchRule(steps=6, rate=0.05, patience=12)).search(mixtures)
    assert tried[0].damages == pytest.approx((0.2, 0.1)) and mixtures.setting["bits"] == 3
    assert [list(step.rows) for step in tried] == [pool.counts(step.shares) for step in tried]
    assert len(tried) == len(measured) == len({step.rows for step in tried}) == 6


def test_a_search_ends_where_new_shares_give_no_new_rows(pool):
    class Alike(Mixtures):
        def step(self, shares):
            return Step(tuple(shares), tuple(self.pool.counts(shares)), (0.1, 0.1))

    tried, best = SharesSearch(None, pool, None, SearchRule()).search(Alike(None, pool, None, None, None))
    assert [step.rows for step in tried] == [(8, 8)] and best is tried[0]


def test_text_for_uniform_shares_alone_leaves_nothing_to_search(tokenizer, pool):
    limit = len(pool.packed[find_languages(["sw"])[0]])
    swahili = [f"Mto ulijaa mwaka wa {n}, na hakuna aliyevuka kabla ya adhuhuri." for n in range(24)]
    asked = config(corpus={"en": swahili, "sw": swahili}, deduplicate=False, sequence_length=64, num_rows=2 * limit)
    with pytest.raises(CorpusExhaustedError, match="uniform shares are the only ones"):
        draw_pool(asked, tokenizer, None)


@pytest.mark.parametrize("rows", [(1, 1, 5), (3, 11, 83), (1, 6, 1, 1, 1), (33, 33, 34)])
def test_shares_of_any_rows_are_divided_into_these_rows(rows):
    assert allocate(sum(rows), Step((), rows, ()).measured_shares) == list(rows)


def test_less_text_than_the_uniform_share_is_an_error(tokenizer):
    texts = {"en": ["A short text, and one more. "] * 400, "sw": ["Maandishi mafupi."]}
    with pytest.raises(CorpusExhaustedError, match="Swahili"):
        RowPool.build(config(corpus=texts, deduplicate=False), 4, tokenizer, None)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"num_rows": None}, "give num_rows"),
        ({"num_rows": 2}, "nothing to choose from with num_rows=2 and 2 languages.*at least num_rows=3"),
        ({"mixture": {"en": 1, "sw": 2}}, "leave mixture"),
        ({"languages": ["en"]}, "two or more"),
        ({"evaluation": None}, "give an evaluation"),
        ({"evaluation": EvaluationConfig(tasks=["belebele"])}, "text only"),
    ],
)
def test_what_cannot_be_searched_is_refused(tiny_model_path, monkeypatch, changes, words):
    monkeypatch.setattr(minimax, "load_checkpoint", lambda *args: pytest.fail("weights were loaded"))
    with pytest.raises(ConfigError, match=words):
        find_minimax_mixture(tiny_model_path, config(**changes))


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("steps", 1, "steps must be a whole number of at least 2"),
        ("patience", 0, "patience must be a whole number of at least 1"),
        *(("rate", value, "rate must be a number above 0") for value in (0, -1.0, 11, np.inf, np.nan)),
        *(("mean_rise", value, "mean_rise must be a part of at least 0") for value in (-0.1, np.nan)),
        *(("least_gain", value, "least_gain must be a part") for value in (-0.1, 1, np.nan)),
    ],
)
def test_a_search_that_cannot_work_is_refused(tiny_model_path, name, value, words):
    with pytest.raises(ConfigError, match=words):
        find_minimax_mixture(tiny_model_path, config(), **{name: value})


def test_a_method_that_reads_no_text_has_no_best_mixture(tiny_model_path, monkeypatch):
    monkeypatch.setattr(minimax, "load_checkpoint", lambda *args: pytest.fail("weights were loaded"))
    with pytest.raises(ConfigError, match=r"'nf4' .* needs no calibration"):
        find_minimax_mixture(tiny_model_path, MultilingualCalibrationConfig("nf4", languages=["en", "sw"], num_rows=4))
