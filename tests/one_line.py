"""The one line on small settings."""

import torch
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig

LANGUAGES = ["en", "sw", "zh"]
SMALL = {
    "num_rows": 6,
    "sequence_length": 32,
    "evaluation": EvaluationConfig(tokens_per_language=500, bootstrap_draws=100),
}


def quantize(path, method="gptq", device_map=None, **settings):
    config = MultilingualCalibrationConfig(method, **{"languages": LANGUAGES, **SMALL, **settings})
    return AutoModelForCausalLM.from_pretrained(path, quantization_config=config, device_map=device_map)


def logits_of(model):
    with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
        return model(torch.arange(40)[None] + 300).logits
