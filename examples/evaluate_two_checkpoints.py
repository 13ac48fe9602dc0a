"""Two checkpoints, however the second was made: quantize, save, and compare what lies on disk."""

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, evaluate_checkpoints

MODEL = Path(__file__).parent / "tiny-multilingual-lm"
LANGUAGES = ["en", "sw", "zh"]

config = MultilingualCalibrationConfig(
    "gptq", bits=4, languages=LANGUAGES, num_rows=12, sequence_length=256, evaluation=None
)
model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)

with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    report = evaluate_checkpoints(MODEL, folder, LANGUAGES, evaluation=EvaluationConfig(bootstrap_draws=2000))

print(report)
print("worst by KL:", report.summary("kl").worst)
print("Swahili:", report["sw"].verdict)
