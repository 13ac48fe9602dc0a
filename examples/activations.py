"""Which languages go beyond the activations of a calibration set, and which are alike inside the model."""

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, measure_activations

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

config = MultilingualCalibrationConfig(
    languages=["en", "sw"],
    num_rows=40,
    sequence_length=128,
    evaluation=EvaluationConfig(languages=["en", "sw", "xh", "fr", "ja"], tokens_per_language=800),
)

with tempfile.TemporaryDirectory() as folder:
    # In float32, which every CPU does fast.
    model = Path(folder) / "tiny-multilingual-lm"
    AutoModelForCausalLM.from_pretrained(MODEL, dtype="float32").save_pretrained(model)
    AutoTokenizer.from_pretrained(MODEL).save_pretrained(model)
    found = measure_activations(model, config)
    output = Path(folder) / "activations"
    output.mkdir()
    found.save(output)
    print(*sorted(path.name for path in output.iterdir()))

print(found)

# One channel of one layer input in one language.
swahili = found.languages["swh_Latn"]["model.layers.3.mlp.down_proj"]
print(f"channel 7: {swahili.minimum[7]:.2f} to {swahili.maximum[7]:.2f}, excess kurtosis {swahili.kurtosis[7]:.1f}")
