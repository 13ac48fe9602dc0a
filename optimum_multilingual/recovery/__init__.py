"""Recovery: a short, language-balanced LoRA that brings a quantized model back towards its reference."""
