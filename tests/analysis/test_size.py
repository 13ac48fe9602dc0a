"""The study of sizes: whole runs on a small model with random weights, going on, what is refused, and what it says."""

import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet
import pytest
import torch
from setting_sums import sums

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, find_sufficient_size
from optimum_multilingual.analysis import cell_run
from optimum_multilingual.analysis.row_selection import highest_kl_rows
from optimum_multilingual.analysis.row_subset import first_rows
from optimum_multilingual.analysis.size_plots import plot_curve, plot_surface
from optimum_multilingual.analysis.size_result import Selection, SufficientSize
from optimum_multilingual.analysis.size_table import flat_from
from optimum_multilingual.analysis.workbench import Measured, Workbench
from optimum_multilingual.calibration.build import build_calibration_set
from optimum_multilingual.calibration.calibration_set import fingerprint_of
from optimum_multilingual.errors import CheckpointError, ConfigError, CorpusExhaustedError
from optimum_multilingual.evaluation.scoring import eager
from optimum_multilingual.report.canvas import save_figure

EVALUATION = EvaluationConfig(tokens_per_language=200, bootstrap_draws=100)
LENGTH = 32


def config(**changes):
    settings = {"languages": ["en", "sw"], "num_rows": 16, "sequence_length": LENGTH, "evaluation": EVALUATION}
    return MultilingualCalibrationConfig("gptq", bits=3, **{**settings, **changes})


@pytest.fixture(scope="module")
def run(random_model_path, tmp_path_factory):
    """A whole study with two seeds and a selection, and its folder."""
    folder = tmp_path_factory.mktemp("size")
    found = find_sufficient_size(random_model_path, config(seeds=2), folder, select=True)
    found.save(folder)
    return folder, found


def test_sizes_are_beginnings_of_one_set_and_balanced(tokenizer):
    whole = build_calibration_set(config(languages=["en", "sw", "hi"], num_rows=12), tokenizer)
    for count in (1, 2, 4):
        part = first_rows(whole, count)
        assert part.rows == whole.rows[: 3 * count]
        assert part.rows_of_languages() == dict.fromkeys(("eng_Latn", "swh_Latn", "hin_Deva"), count)
        manifest = part.manifest
        assert manifest.fingerprint == fingerprint_of(part.rows) and len(manifest.row_hashes) == 3 * count
        assert manifest.languages["hin_Deva"]["tokens"] == count * LENGTH
        assert manifest.provenance["rows"] == part.rows_of_languages()
        assert manifest.documents == whole.manifest.documents
    assert first_rows(whole, 4).fingerprint == whole.fingerprint


def test_rows_left_over_by_the_languages_are_left_out(tokenizer):
    whole = build_calibration_set(config(languages=["en", "sw", "hi"], num_rows=11), tokenizer)
    part = first_rows(whole, 3)
    assert set(part.rows_of_languages().values()) == {3}
    english = [row for row in whole if row.language.tag == "eng_Latn"]
    assert [row for row in part if row.language.tag == "eng_Latn"] == english[:3]


def test_a_whole_study(run):
    folder, found = run
    assert list(found.cells) == [1, 2, 4, 8] and list(found.tokens) == [32, 64, 128, 256]
    assert found.seeds == 2 and found.computed == 4 * 2 + 2
    assert len(list((folder / "cells").iterdir())) == 10
    for rows, of_it in found.cells.items():
        assert [measured.report.calibration["seed"] for measured in of_it] == [0, 1]
        assert all(set(measured.report.calibration["rows"].values()) == {rows} for measured in of_it)
    assert set(found.flattenings) == {"mean", "eng_Latn", "swh_Latn"}
    assert np.isfinite(found.losses.values).all() and (found.losses.values > 0).all()
    assert found.conclusion in str(found) and "Measured, without the curve" in found.conclusion
    assert found.selection.rows == 2 and found.selection.candidates == 8
    assert "with the highest KL, of 256, against as many drawn at random: the mean KL changes by" in found.conclusion


def test_files_hold_every_document(run):
    folder, found = run
    table = pyarrow.parquet.read_table(folder / "size.parquet").to_pandas()
    first = table[(table.choice == "first") & (table.rows_per_language == 4) & (table.language == "swh_Latn")]
    pooled = [(each.kl * each.tokens).sum() / each.tokens.sum() for _, each in first.groupby("seed")]
    assert np.mean(pooled) == pytest.approx(found.losses.values[2, 1])
    assert set(table[table.choice == "highest-kl"].rows_per_language) == {2}
    saved = json.loads((folder / "size.json").read_text())
    assert saved["tokens_per_language"] == [32, 64, 128, 256] and saved["conclusion"] == found.conclusion
    assert len(saved["kl"]["eng_Latn"]) == 4 and set(saved["selection"]["kl"]) == {"first", "highest KL"}
    assert found.conclusion in (folder / "size.md").read_text()
    assert (folder / "curve.png").stat().st_size > 10_000 and (folder / "surface.png").stat().st_size > 10_000


def test_the_same_study_again_computes_nothing(run, random_model_path, monkeypatch):
    folder, found = run
    monkeypatch.setattr(cell_run, "load_checkpoint", lambda *args: pytest.fail("weights were loaded"))
    again = find_sufficient_size(random_model_path, config(seeds=2), folder, select=True)
    assert again.computed == 0 and again.flattenings == found.flattenings and again.conclusion == found.conclusion


def test_larger_sizes_keep_the_cells_that_are_there(run, random_model_path, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "size")
    more = find_sufficient_size(
        random_model_path, config(num_rows=None, seeds=2), folder, sizes=[32, 64, 120, 250, 300]
    )
    assert list(more.cells) == [1, 2, 4, 8, 10], "tokens are rounded up to whole rows"
    assert more.computed == 2, "the first rows of a larger set are those of the smaller one"


def test_the_rows_chosen_are_those_whose_logits_move_most(random_model_path, tokenizer):
    from transformers import AutoModelForCausalLM

    asked = config(num_rows=10)
    candidates = build_calibration_set(asked, tokenizer)
    bench = Workbench(AutoModelForCausalLM.from_pretrained(random_model_path))
    chosen = highest_kl_rows(bench, asked, candidates, 2)
    quantized, _ = bench.quantize(asked, candidates)
    ids = torch.from_numpy(candidates.token_ids()).long()
    with torch.no_grad(), eager():
        before, after = (of_it(ids).logits[:, :-1].log_softmax(-1) for of_it in (bench.model, quantized))
    kl = (before.exp() * (before - after)).sum(-1).mean(-1).numpy()
    for tag in ("eng_Latn", "swh_Latn"):
        places = [place for place, row in enumerate(candidates) if row.language.tag == tag]
        best = sorted(places, key=lambda place: -kl[place])[:2]
        assert [row for row in chosen if row.language.tag == tag] == [candidates.rows[place] for place in best]
    assert [row.language.tag for row in chosen] == ["eng_Latn", "swh_Latn"] * 2


@pytest.mark.parametrize(
    "changes, arguments, words",
    [
        ({"mixture": {"en": 1, "sw": 2}}, {}, "leave mixture"),
        ({"evaluation": None}, {}, "give an evaluation"),
        ({"evaluation": EvaluationConfig(tasks=["belebele"])}, {}, "without languages or tasks"),
        ({"num_rows": None, "bytes_per_language": 5000}, {}, "unlike many tokens"),
        ({}, {"sizes": [32, 64, 128, 256]}, "sizes and num_rows both say"),
        ({"num_rows": None}, {"sizes": [32, 64, 128, 0]}, "sizes must be a whole number"),
        ({"num_rows": None}, {"sizes": [32, 33, 64, 128]}, "at least 4 sizes, and rows of 32 tokens allow 3"),
        ({"num_rows": 14}, {}, "at least 4 sizes, and rows of 32 tokens allow 3 up to 7 rows"),
        ({}, {"tolerance": 0.5}, "tolerance must be a part"),
        ({}, {"tolerance": float("nan")}, "tolerance must be a part"),
    ],
)
def test_what_cannot_be_studied_is_refused_before_weights_load(
    random_model_path, tmp_path, monkeypatch, changes, arguments, words
):
    monkeypatch.setattr(cell_run, "load_checkpoint", lambda *args: pytest.fail("weights were loaded"))
    with pytest.raises(ConfigError, match=words):
        find_sufficient_size(random_model_path, config(**changes), tmp_path / "size", **arguments)


def test_methods_and_text_that_cannot_be_studied(random_model_path, tmp_path):
    from transformers import GPTQConfig

    upstream = replace(config(), method=GPTQConfig(bits=3), bits=None)
    with pytest.raises(ConfigError, match="give its name, such as 'gptq'"):
        find_sufficient_size(random_model_path, upstream)
    with pytest.raises(ConfigError, match=r"'nf4' .* needs no calibration"):
        find_sufficient_size(random_model_path, replace(config(), method="nf4", bits=None))
    with pytest.raises(CorpusExhaustedError, match="too little calibration text"):
        find_sufficient_size(random_model_path, config(num_rows=20_000))
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CheckpointError, match="no study"):
        find_sufficient_size(random_model_path, config(), tmp_path)


@pytest.fixture(scope="module")
def made_up(measured_report):
    """Makes the result of a study whose KL in two languages at every size is given, with two seeds."""
    report = measured_report({"en": 0.1, "sw": 0.2})

    def make(kl, noise=0.001, chosen=None):
        generator = np.random.default_rng(0)

        def measured(values):
            seeds = [np.array(values) * (1 + noise * generator.standard_normal(2)) for _ in range(2)]
            return [Measured(report, of_seed) for of_seed in sums(seeds)]

        cells = {2**place: measured(values) for place, values in enumerate(kl)}
        selection = None if chosen is None else Selection(4, 64, measured(chosen))
        return SufficientSize("gptq at 3 bits", 128, 0.02, cells, selection)

    return make


def falling(floor, scale, exponent):
    return floor + scale * 2.0 ** (-exponent * np.arange(8))


def test_the_paragraph_names_the_budget_and_the_published_one(made_up):
    found = made_up(np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1))
    tokens = found.budget.tokens
    assert found.budget.verdict == "flat" and tokens.low <= 24 * 128 <= tokens.high
    said = found.conclusion
    assert f"{tokens.value:,.0f} tokens of each language ({tokens.low:,.0f} .. {tokens.high:,.0f}) are enough" in said
    assert (
        f"360,000 tokens (500 samples) of each language for importance matrices are {360_000 / tokens.value:.3g}"
        in said
    )
    assert "Flat within the sizes: 2 of 2 languages" in said and "still falling" not in said
    assert "Measured, without the curve: from 4,096 to 16,384 tokens the mean KL changes by -2." in said


def test_the_paragraph_says_what_still_falls_and_what_is_unresolved(made_up):
    said = made_up(np.stack([falling(0, 0.03, 0.5), falling(0, 0.04, 0.6)], axis=1)).conclusion
    assert "still falls at 16,384 tokens" in said and "is unresolved; give more" in said
    assert "still falling: English, Swahili" in said
    said = made_up(np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1), noise=0.2).conclusion
    assert "how many tokens of each language are enough is unresolved: noise allows" in said
    broken = np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1)
    broken[0, 1] = np.inf
    table = str(made_up(broken))
    assert "where the mean flattens cannot be told" in table and "broken: Swahili" in table


def test_what_rises_with_more_text_is_not_flat_and_gives_no_budget(made_up, tmp_path):
    rising = 0.02 + 0.002 * np.arange(8)
    found = made_up(np.stack([rising, 1.5 * rising], axis=1))
    assert found.budget.verdict == "rises" and np.isnan(found.budget.tokens.value)
    said = found.conclusion
    assert (
        "rises with the tokens of each language, so no number of them is recommended" in said and "enough" not in said
    )
    assert "from 128 to 16,384 tokens the mean KL changes by +" in said and "rises: English, Swahili" in said
    curve = texts_of(plot_curve(found), tmp_path / "curve.svg")
    assert "power law through it" not in curve and any("Mean flat from: rises" in text for text in curve)
    unresolved = made_up(np.stack([rising, 1.5 * rising], axis=1), noise=0.5)
    assert unresolved.budget.verdict != "rises", "a rise within noise is none"


def test_the_paragraph_compares_chosen_rows_honestly(made_up):
    kl = np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1)
    found = made_up(kl, chosen=kl[2] * 0.8)
    better = found.conclusion
    change = found.change(lambda of_it: of_it.mean(axis=-1), 0, 1, found.selected)
    assert change.value == pytest.approx(-0.2, abs=0.003) and change.low < change.value < change.high
    assert f"the mean KL changes by {change.value:+.1%} (" in better and "2 are better, 0 worse, 0 unresolved" in better
    as_good = made_up(kl, noise=0.01)
    same = replace(as_good, selection=Selection(4, 64, as_good.cells[4])).conclusion
    assert "0 are better, 0 worse, 2 unresolved" in same and ": unresolved, the worst" in same


def texts_of(figure, path):
    save_figure(figure, path)
    root = ElementTree.fromstring(path.read_text("utf-8"))
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_pictures_show_every_language_size_and_answer(made_up, tmp_path):
    found = made_up(np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1))
    surface = texts_of(plot_surface(found), tmp_path / "surface.svg")
    assert {"mean of languages", "English", "Swahili", "128", "16,384"} <= set(surface)
    assert {f"{value:.4f}" for value in found.losses.values.flat} <= set(surface)
    assert {flat_from(each, found.tokens[-1]) for each in found.flattenings.values()} <= set(surface)
    curve = texts_of(plot_curve(found), tmp_path / "curve.svg")
    assert {"English", "Swahili", "a doubling gains 2.0%", "mean, 95% intervals", "16,384"} <= set(curve)
    assert any(flat_from(found.budget, found.tokens[-1]) in text for text in curve)


def test_pictures_of_a_broken_language_say_so(made_up, tmp_path):
    kl = np.stack([falling(0.02, 0.02, 1), falling(0.03, 0.03, 1)], axis=1)
    kl[-2:, 1] = np.inf
    surface = texts_of(plot_surface(made_up(kl)), tmp_path / "surface.svg")
    # Two sizes of Swahili and of the mean, and both answers.
    assert surface.count("broken") == 6
    curve = texts_of(plot_curve(made_up(kl)), tmp_path / "curve.svg")
    assert "English" in curve and "Swahili" not in curve and "a doubling gains 2.0%" not in curve
