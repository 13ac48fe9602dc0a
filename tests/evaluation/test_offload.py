"""Models that accelerate has spread over places, here the CPU and the disk."""

import numpy as np
import pytest

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    build_calibration_set,
    evaluate_checkpoints,
)
from optimum_multilingual.comparison import load_checkpoint
from optimum_multilingual.evaluation.activation_ranges import calibration_ranges

PARTS = ("model.embed_tokens", "model.layers", "model.norm", "model.rotary_emb", "lm_head")


@pytest.fixture(scope="module")
def untied_model(random_llama, tokenizer, tmp_path_factory):
    """A model with an output projection of its own; accelerate 1.15 cannot run one whose tied projection is on disk."""
    folder = tmp_path_factory.mktemp("untied")
    random_llama(vocab_size=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("offloaded", ["model.layers", "lm_head"])
def test_a_model_with_weights_on_disk_is_measured_like_one_in_memory(untied_model, offloaded):
    device_map = {part: "disk" if part == offloaded else "cpu" for part in PARTS}
    settings = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)

    spread, whole = (
        evaluate_checkpoints(untied_model, untied_model, ["en", "sw"], evaluation=settings, device_map=places)
        for places in (device_map, None)
    )

    assert [score.reference for score in spread.scores] == [score.reference for score in whole.scores]
    assert [score.quantized for score in spread.scores] == [score.quantized for score in whole.scores]


def test_activations_of_a_model_that_is_spread_are_those_of_one_in_memory(untied_model, tokenizer):
    rows = build_calibration_set(
        MultilingualCalibrationConfig(languages=["en"], num_rows=3, sequence_length=40), tokenizer
    )
    device_map = {part: "disk" if part == "model.layers" else "cpu" for part in PARTS}
    spread, whole = (
        calibration_ranges(load_checkpoint(untied_model, places), rows, 80) for places in (device_map, None)
    )
    assert spread.keys() == whole.keys() and len(whole) == 8
    assert all(np.array_equal(spread[name], whole[name]) for name in whole)
