"""Shares of languages whose worst language loses least, searched with a few quantizations, then used by the one line."""

from dataclasses import replace
from pathlib import Path

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, find_minimax_mixture

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

config = MultilingualCalibrationConfig(
    "gptq",
    bits=3,
    languages=["en", "sw", "hi"],
    num_rows=12,
    sequence_length=32,
    evaluation=EvaluationConfig(tokens_per_language=600),
)

found = find_minimax_mixture(MODEL, config, steps=2)
print(found)

# What goes into from_pretrained(..., quantization_config=...).
print(replace(config, mixture=found.shares).mixture)
