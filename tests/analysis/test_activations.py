"""The study of activations: statistics of every channel, coverage of the calibration rows, languages that are alike."""

import json
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy import stats

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, measure_activations
from optimum_multilingual.analysis.activation_plots import plot_distribution, plot_patterns
from optimum_multilingual.analysis.activations import quantiles
from optimum_multilingual.analysis.activations_result import CALIBRATION, Activations
from optimum_multilingual.analysis.language_similarity import clusters, similarities
from optimum_multilingual.analysis.patterns import pooled_pattern, signed_extremes
from optimum_multilingual.calibration.asked_set import calibration_set_of
from optimum_multilingual.errors import CheckpointError, ConfigError, MissingPackageError, ModelError
from optimum_multilingual.evaluation.evaluator import prepare_evaluation

EVALUATION = EvaluationConfig(languages=["en", "sw", "hi"], tokens_per_language=300, batch_tokens=200)
SETTINGS = {"languages": ["en", "sw"], "num_rows": 4, "sequence_length": 32, "evaluation": EVALUATION}
LAYER = "model.layers.1.mlp.down_proj"


@pytest.fixture(scope="module")
def folder(random_llama, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("random-llama")
    random_llama(vocab_size=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return measure_activations(folder, MultilingualCalibrationConfig(**SETTINGS))


@pytest.fixture(scope="module")
def stored(random_llama, tokenizer):
    """Everything that LAYER receives, window by window: of each text a list of [tokens, channels]."""
    model, config = random_llama(vocab_size=len(tokenizer)), MultilingualCalibrationConfig(**SETTINGS)
    rows = calibration_set_of(config, tokenizer, None)
    evaluation = prepare_evaluation(config, EVALUATION.resolved_languages, tokenizer, None, 32, [rows.manifest])
    windows = {language.tag: of_it for language, of_it in evaluation.windows.items()}
    scored = {tag: [(each.input_ids, len(each.targets)) for each in of_it] for tag, of_it in windows.items()}
    scored[CALIBRATION] = [(row.input_ids, 32) for row in rows]
    seen = []
    model.get_submodule(LAYER).register_forward_pre_hook(lambda _, args: seen.append(args[0][0]))
    values = {}
    for tag, of_it in scored.items():
        with torch.no_grad():
            for ids, _ in of_it:
                model(torch.from_numpy(ids).long()[None])
        values[tag] = [each[-count:].double().numpy() for each, (_, count) in zip(seen, of_it, strict=True)]
        seen.clear()
    return values


def test_statistics_are_those_of_all_stored_activations(found, stored):
    # Rows take turns: the first is of the first language, the second of the second.
    first_rows = stored[CALIBRATION][:2]
    low, high = np.mean([quantiles(torch.from_numpy(values)).numpy() for values in first_rows], axis=0)
    assert set(found.texts) == set(stored) == {CALIBRATION, "eng_Latn", "swh_Latn", "hin_Deva"}
    for tag, windows in stored.items():
        whole, channels = np.concatenate(windows), found.texts[tag][LAYER]
        assert channels.tokens == found.tokens(tag) == len(whole)
        assert channels.ranges == pytest.approx(np.stack([whole.min(0), whole.max(0)]), abs=1e-6)
        assert channels.mean == pytest.approx(whole.mean(0), abs=1e-6)
        assert channels.deviation == pytest.approx(whole.std(0), rel=1e-4)
        assert channels.kurtosis == pytest.approx(stats.kurtosis(whole), rel=1e-3, abs=1e-3)
        # The thresholds are two of the values, which rounding puts on either side of itself.
        assert channels.outlier_share == pytest.approx(((whole < low) | (whole > high)).mean(0), abs=1.1 / len(whole))


def test_thresholds_are_the_quantiles_of_numpy():
    values = np.random.default_rng(0).permutation(1000) / 10
    expected = np.quantile(values, [0.01, 0.99], method="inverted_cdf")
    assert quantiles(torch.from_numpy(values)).numpy() == pytest.approx(expected, abs=0.11)


def test_a_pattern_holds_the_extremes_of_every_square():
    values = torch.zeros(70, 40)
    values[33, 1], values[69, 39] = -5, 3
    pattern = pooled_pattern(values)
    assert pattern.shape == (2, 3, 2)
    assert signed_extremes(pattern).tolist() == [[0, 0], [-5, 0], [0, 3]]
    assert pooled_pattern(torch.zeros(5000, 64)).shape == (2, 32, 2)


def test_patterns_are_of_the_first_tokens_of_every_text(found):
    for tag in found.texts:
        pattern, channels = found.patterns[tag][LAYER], found.texts[tag][LAYER]
        assert pattern.shape[2] == 4
        assert pattern.min() >= channels.minimum.min() and pattern.max() <= channels.maximum.max()


def test_a_language_exceeds_in_the_channels_where_its_range_is_wider_and_in_no_other(found):
    like_the_rows = dict(found.calibration)
    low, high = like_the_rows[LAYER].minimum.copy(), like_the_rows[LAYER].maximum.copy()
    low[[3, 5]] -= 1e-3
    high[[5, 8, 13]] += 1e-3
    wider = {**like_the_rows, LAYER: replace(like_the_rows[LAYER], minimum=low, maximum=high)}
    made = replace(found, languages={"eng_Latn": like_the_rows, "hin_Deva": wider})
    english, hindi = made.coverage()
    assert (english.exceeding, english.channels, english.calibrated) == (0, 2 * (64 + 64 + 64 + 128), True)
    assert (hindi.exceeding, hindi.channels, hindi.calibrated) == (4, 640, False)
    assert made.worst_input() == LAYER and made.exceeding_shares()[1].max() == 4 / 128


def test_shares_of_layers_add_up_to_those_of_languages(found):
    sizes = [each.channels for each in found.inputs]
    assert (found.exceeding_shares() @ sizes).round().tolist() == [each.exceeding for each in found.coverage()]


def test_languages_with_like_norms_are_one_cluster():
    generator = np.random.default_rng(0)
    families = generator.lognormal(size=(2, 50))
    norms = [{"layer": families[place] * generator.lognormal(0, 0.1, 50)} for place in (0, 1, 0, 1, 1)]
    similarity = similarities(norms)
    assert np.diag(similarity) == pytest.approx(1) and np.array_equal(similarity, similarity.T)
    assert clusters(similarity) == [[1, 3, 4], [0, 2]]
    assert clusters(similarity[:2, :2]) == [[0, 1]] and clusters(np.ones((1, 1))) == [[0]]


def test_similarity_does_not_depend_on_the_scale_of_a_layer_or_a_language(found):
    def scaled(factor):
        statistics = found.languages["hin_Deva"]
        return {
            n: replace(each, mean=factor * each.mean, deviation=factor * each.deviation)
            for n, each in statistics.items()
        }

    other = replace(found, languages={**found.languages, "hin_Deva": scaled(7)})
    assert other.similarity() == pytest.approx(found.similarity(), abs=1e-6)


def test_what_was_saved_is_read_back(found, tmp_path):
    found.save(tmp_path, plots=False)
    again = Activations.load(tmp_path)
    assert again.to_dict() == found.to_dict() == json.loads((tmp_path / "activations.json").read_text())
    for tag, of_it in found.texts.items():
        for name, channels in of_it.items():
            for item in fields(channels):
                assert np.array_equal(getattr(again.texts[tag][name], item.name), getattr(channels, item.name))
            assert np.array_equal(again.patterns[tag][name], found.patterns[tag][name])
    assert (tmp_path / "activations.md").read_text() == f"{again}\n"
    assert found.to_arrow().num_rows == len(found.texts) * sum(each.channels for each in found.inputs)


@pytest.mark.parametrize("name", ["activations.json", "activations.parquet", "patterns.safetensors"])
def test_a_damaged_study_is_refused(found, tmp_path, name):
    found.save(tmp_path, plots=False)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match="no readable study of activations"):
        Activations.load(tmp_path)


def test_the_pictures_show_every_text_in_order(found, tmp_path):
    found.save(tmp_path)
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {"coverage.png", "coverage-of-layers.png", "patterns.png", "distribution.png"}
    texts = ["calibration rows", "English", "Swahili", "Hindi"]
    panels = plot_patterns(found, LAYER).axes
    assert [axes.get_title() for axes in panels[:4]] == texts
    for axes, tag in zip(panels, found.texts):
        shown = axes.images[0].get_array()
        assert np.array_equal(shown, signed_extremes(found.patterns[tag][LAYER]))
    rows = plot_distribution(found, "kurtosis", LAYER).axes[0]
    assert [label.get_text() for label in rows.get_yticklabels()] == texts
    largest = max(rows.lines, key=lambda line: line.get_marker() == "x").get_xdata()
    assert largest.tolist() == [np.nanmax(of_it[LAYER].kurtosis) for of_it in found.texts.values()]


def test_a_picture_of_what_is_not_there_is_refused(found):
    with pytest.raises(ConfigError, match=r"No layer input is called 'k_proj'; there are model\.layers\.0"):
        plot_patterns(found, "k_proj")
    with pytest.raises(ConfigError, match="statistic must be one of absolute_maximum, kurtosis"):
        plot_distribution(found, "skewness")


def test_the_table_and_the_conclusion_say_who_exceeds_and_who_is_alike(found):
    text = str(found)
    assert "| Hindi (hin_Deva)   | no         |" in text and "| English (eng_Latn) | yes        |" in text
    assert "clusters by similarity of activation norms:" in text
    assert found.conclusion in text and "The most alike are" in found.conclusion
    assert "take more rows" in found.conclusion, "128 tokens of rows, and 300 to hold against them"


@pytest.mark.parametrize("evaluation", [None, replace(EVALUATION, tasks=["belebele"])])
def test_what_cannot_be_studied_is_refused(folder, evaluation):
    with pytest.raises(ConfigError, match="give an evaluation, and no tasks"):
        measure_activations(folder, MultilingualCalibrationConfig(**{**SETTINGS, "evaluation": evaluation}))


def test_a_quantized_model_is_refused(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "quantization_config": {"quant_method": "gptq", "bits": 4}})
    )
    with pytest.raises(ModelError, match="already quantized; activations are those of a dense model"):
        measure_activations(tmp_path, MultilingualCalibrationConfig(**{**SETTINGS, "evaluation": EVALUATION}))


def test_tables_are_there_where_pictures_cannot_be_drawn(found, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError, match=r"Plots need matplotlib.*optimum-multilingual\[plots\]"):
        found.save(tmp_path)
    assert Activations.load(tmp_path).conclusion == found.conclusion and not list(tmp_path.glob("*.png"))


def test_a_text_without_kurtosis_keeps_its_row_in_the_picture(found):
    name, tag = found.inputs[0].name, next(iter(found.languages))
    of_it = found.languages[tag]
    still = replace(of_it[name], kurtosis=np.full_like(of_it[name].kurtosis, np.nan))
    broken = replace(found, languages={**found.languages, tag: {**of_it, name: still}})

    labels = [text.get_text() for text in right_labels(plot_distribution(broken, "kurtosis", name))]

    assert len(labels) == len(found.texts) and [label.startswith("median nan") for label in labels].count(True) == 1
    assert labels[list(found.texts).index(tag)].startswith("median nan")


def right_labels(figure):
    """What stands to the right of the rows."""
    (axis,) = figure.axes[0].child_axes
    return axis.get_yticklabels()
