"""The proof that the head gives the model's own loss: a cap that it does not know is seen, and rounding alone is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, LlamaConfig, RecurrentGemmaConfig

from optimum_multilingual.errors import ModelError
from optimum_multilingual.evaluation.held_out import Window
from optimum_multilingual.evaluation.scoring import check_head, output_head

WORDS, TOKENS = 4000, 16
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "tie_word_embeddings": False,
}
RECURRENT = {"num_hidden_layers": 3, "lru_width": 64, "head_dim": 16, "num_key_value_heads": 1}
CONFIGS = {
    "llama": LlamaConfig(**SIZES, num_hidden_layers=2),
    "gemma2": Gemma2Config(**SIZES, num_hidden_layers=2, num_key_value_heads=2, head_dim=16),
    "recurrent gemma": RecurrentGemmaConfig(**SIZES, **RECURRENT),
}


def model_with(config, dtype, spread):
    """A random model whose logits, before they are capped, have this standard deviation."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
        model.lm_head.weight.normal_(std=spread / config.hidden_size**0.5)
    return model


def likely_window(model, seed):
    """A window with targets that the model itself draws, as likely as real text is to a trained model."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(WORDS, (1, TOKENS), generator=generator)
    with torch.no_grad():
        probabilities = model(ids).logits[0].float().softmax(-1)
    targets = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
    return Window(0, ids[0].numpy().astype(np.int32), targets.numpy().astype(np.int32))


@pytest.mark.parametrize("family", ["gemma2", "recurrent gemma"])
@pytest.mark.parametrize("seed", range(5))
def test_a_cap_that_hardly_changes_the_norm_of_logits_is_seen_in_the_loss(family, seed):
    model = model_with(CONFIGS[family], torch.bfloat16, spread=6)

    with pytest.raises(ModelError, match=r"likelihoods of tokens differ by .* nats.*Pass evaluation=None"):
        check_head(model, replace(output_head(model), cap=None), likely_window(model, seed))


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("spread", [0.1, 6, 30])
def test_rounding_in_the_models_own_type_is_let_through(family, dtype, spread):
    model = model_with(CONFIGS[family], dtype, spread)

    for seed in range(4):
        check_head(model, output_head(model), likely_window(model, seed))


def test_a_cap_that_is_no_number_is_refused(random_llama):
    model = random_llama()
    model.config.logits_soft_cap = "much"

    with pytest.raises(ModelError, match=r"logits_soft_cap='much'.*scale and cap are numbers"):
        output_head(model)
