"""How many tokens per language are enough: one calibration set, quantized with more and more of its rows."""

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, find_sufficient_size

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

config = MultilingualCalibrationConfig(
    "gptq",
    bits=3,
    languages=["en", "sw", "hi"],
    tokens_per_language=256,
    sequence_length=32,
    evaluation=EvaluationConfig(tokens_per_language=600),
)

with tempfile.TemporaryDirectory() as folder:
    # In float32, which every CPU does fast.
    model = Path(folder) / "model"
    AutoModelForCausalLM.from_pretrained(MODEL, dtype="float32").save_pretrained(model)
    AutoTokenizer.from_pretrained(MODEL).save_pretrained(model)
    output = Path(folder) / "size"
    # Each cell is written when it is done: the same call again goes on where this one ended.
    found = find_sufficient_size(model, config, output)
    found.save(output)
    print(*sorted(path.name for path in output.iterdir()))

print(found)
