"""The one line: quantize a multilingual model with balanced calibration and see what each language lost."""

from pathlib import Path

from transformers import AutoModelForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

config = MultilingualCalibrationConfig(
    "gptq", bits=3, languages=["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]
)
model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)

print(model.multilingual_report)
