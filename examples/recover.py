"""Take back part of what 4 bits did: a LoRA trained on the quantized model against its reference.

python examples/recover.py
"""

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    RecoveryConfig,
    compare_reports,
    recover_checkpoint,
)

MODEL = Path(__file__).parent / "tiny-multilingual-lm"
LANGUAGES = ["en", "sw", "zh"]

with tempfile.TemporaryDirectory() as folder:
    quantized, adapter = Path(folder) / "nf4", Path(folder) / "adapter"
    config = MultilingualCalibrationConfig("nf4", languages=LANGUAGES, evaluation=None)
    AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config).save_pretrained(quantized)

    config = MultilingualCalibrationConfig(
        languages=LANGUAGES,
        num_rows=24,
        sequence_length=64,
        evaluation=EvaluationConfig(tokens_per_language=1000, bootstrap_draws=200),
    )
    # A large model takes the defaults; one of 3 million weights learns faster.
    settings = RecoveryConfig(steps=20, rows_per_step=6, learning_rate=1e-3, rank=16, alpha=16)
    recovery = recover_checkpoint(quantized, MODEL, adapter, config, settings)
    print(compare_reports([recovery.before, recovery.after]))
