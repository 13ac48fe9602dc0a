"""Final hidden states do not depend on how windows are batched, and the head turns them into the model's own logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Cohere2Config,
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    Qwen2Config,
    RecurrentGemmaConfig,
    xLSTMConfig,
)

from optimum_multilingual.errors import ModelError
from optimum_multilingual.evaluation.held_out import Window
from optimum_multilingual.evaluation.scoring import Scorer, check_head, make_batches, output_head

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": None,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
OPT_SIZES = {"vocab_size": 97, "hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
RECURRENT_SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "lru_width": 32,
}
XLSTM_SIZES = {"vocab_size": 97, "hidden_size": 32, "embedding_dim": 32, "num_blocks": 2, "num_hidden_layers": 2}

FAMILIES = {
    "llama, untied": LlamaConfig(**SIZES),
    "llama, tied": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "qwen2": Qwen2Config(**SIZES),
    "gpt2": GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=4, n_positions=64),
    "gpt-neox": GPTNeoXConfig(**{**SIZES, "tie_word_embeddings": False}),
    "opt": OPTConfig(**OPT_SIZES, word_embed_proj_dim=32, max_position_embeddings=64),
    "opt with a smaller embedding": OPTConfig(**OPT_SIZES, word_embed_proj_dim=16, max_position_embeddings=64),
    "cohere, scaled": CohereConfig(**SIZES, logit_scale=0.25),
    "cohere2, scaled": Cohere2Config(**SIZES, logit_scale=0.25),
    "granite, divided": GraniteConfig(**SIZES, logits_scaling=8.0),
    "gemma2, capped": Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=0.5),
    "gemma2, not capped": Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=None),
    "recurrent gemma, capped": RecurrentGemmaConfig(**RECURRENT_SIZES, num_attention_heads=4, logits_soft_cap=0.5),
    "xlstm, capped": xLSTMConfig(**XLSTM_SIZES, num_heads=2, output_logit_soft_cap=0.5),
}


def random_model(config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture(params=FAMILIES, scope="module")
def model(request):
    return random_model(FAMILIES[request.param])


def window_of(length: int, scored: int, seed: int) -> Window:
    tokens = np.random.default_rng(seed).integers(2, 97, length + 1, dtype=np.int32)
    return Window(seed, tokens[:-1], tokens[-scored:])


WINDOWS = [
    window_of(length, scored, seed)
    for seed, (length, scored) in enumerate([(9, 9), (30, 4), (1, 1), (17, 17), (30, 30), (5, 2), (12, 12), (2, 1)])
]


def scored(model, windows, batch_tokens: int) -> list[tuple[list[Window], torch.Tensor]]:
    scorer = Scorer(model)
    return [(batch, scorer.states(batch)) for batch in make_batches(windows, batch_tokens)]


def states_of_windows(model, windows, batch_tokens: int) -> dict[int, torch.Tensor]:
    """The states of each window, by the number it has."""
    found = {}
    for batch, states in scored(model, windows, batch_tokens):
        parts = states.split([len(window.targets) for window in batch])
        found.update({window.document: part for window, part in zip(batch, parts, strict=True)})
    return found


def plain_logits(model, window: Window) -> torch.Tensor:
    with torch.no_grad():
        ids = torch.from_numpy(window.input_ids[None]).long()
        return model(ids, use_cache=False).logits[0, -len(window.targets) :]


def logits_from(head, states: torch.Tensor) -> torch.Tensor:
    return head.logits(states, 0, head.weight.shape[0])


@pytest.mark.parametrize("batch_tokens", [1, 60, 10_000])
def test_states_and_head_give_the_models_own_logits_however_windows_are_batched(model, batch_tokens):
    head = output_head(model)
    states = states_of_windows(model, WINDOWS, batch_tokens)

    assert states.keys() == {window.document for window in WINDOWS}
    for window in WINDOWS:
        torch.testing.assert_close(
            logits_from(head, states[window.document]), plain_logits(model, window), rtol=1e-4, atol=2e-5
        )


def test_the_head_of_every_family_passes_its_check(model):
    for window in WINDOWS:
        check_head(model, output_head(model), window)


def test_what_a_longer_window_pads_with_does_not_reach_the_states(random_llama):
    model = random_llama()
    alone = states_of_windows(model, WINDOWS[:1], batch_tokens=1)[0]
    padded = states_of_windows(model, WINDOWS, batch_tokens=10_000)[0]

    torch.testing.assert_close(alone, padded, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 20, 60, 90, 10_000])
def test_a_batch_holds_no_more_tokens_than_allowed_unless_it_is_one_window(random_llama, batch_tokens):
    seen = []
    model = random_llama()
    model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].shape), with_kwargs=True
    )

    batches = [batch for batch, _ in scored(model, WINDOWS, batch_tokens)]

    assert [len(batch) for batch in batches] == [shape[0] for shape in seen]
    assert all(shape[0] == 1 or shape[0] * shape[1] <= batch_tokens for shape in seen)
    assert sum(map(len, batches)) == len(WINDOWS)
    lengths = [len(window.input_ids) for batch in batches for window in batch]
    assert lengths == sorted(lengths)


def test_two_passes_over_the_same_windows_have_the_same_batches_and_bits(random_llama):
    first, second = (scored(random_llama(), WINDOWS, batch_tokens=60) for _ in range(2))

    for (batch, states), (other_batch, other_states) in zip(first, second, strict=True):
        assert [window.document for window in batch] == [window.document for window in other_batch]
        assert torch.equal(states, other_states)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_states_keep_the_models_type_and_its_head_passes(random_llama, dtype):
    model = random_llama().to(dtype)

    states = states_of_windows(model, WINDOWS, batch_tokens=60)

    assert {of_window.dtype for of_window in states.values()} == {dtype}
    check_head(model, output_head(model), WINDOWS[1])


def test_the_model_is_left_without_hooks_and_without_gradients(random_llama):
    model = random_llama()

    [*_, (_, states)] = scored(model, WINDOWS, batch_tokens=60)

    assert not model.base_model._forward_hooks
    assert not states.requires_grad
    assert model.model.embed_tokens.weight.requires_grad


class Multiplied(LlamaForCausalLM):
    """A model that does more to its logits than its head."""

    factor = 1.1

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        output.logits = output.logits * self.factor
        return output


class Shifted(Multiplied):
    def forward(self, *args, **kwargs):
        output = LlamaForCausalLM.forward(self, *args, **kwargs)
        output.logits[..., 5] += 10
        return output


class Spoilt(Multiplied):
    factor = float("nan")


@pytest.mark.parametrize("cls", [Multiplied, Shifted, Spoilt])
def test_a_model_that_changes_its_logits_behind_the_head_is_refused(cls):
    model = cls(LlamaConfig(**SIZES)).eval()

    with pytest.raises(ModelError, match=rf"logits of {cls.__name__} cannot be had .*Pass evaluation=None"):
        check_head(model, output_head(model), WINDOWS[0])


def quantized_linear() -> torch.nn.Linear:
    layer = torch.nn.Linear(64, 97, bias=False)
    layer.weight = torch.nn.Parameter(torch.ones(97, 64, dtype=torch.int8), requires_grad=False)
    return layer


@pytest.mark.parametrize(
    ("layer", "name"), [(torch.nn.Bilinear(64, 64, 97), "Bilinear"), (quantized_linear(), "Linear"), (None, "NoneType")]
)
def test_a_head_that_is_no_plain_linear_layer_is_refused(random_llama, layer, name):
    model = random_llama()
    model.set_output_embeddings(layer)

    with pytest.raises(ModelError, match=rf"output projection of LlamaForCausalLM is a {name}; .*Leave lm_head out"):
        output_head(model)


class SmallMemory(LlamaForCausalLM):
    """Has memory for a few tokens only, and says so as torch does."""

    most_tokens = 40
    shapes: tuple = ()

    def forward(self, input_ids, **options):
        self.shapes += (tuple(input_ids.shape),)
        if input_ids.numel() > self.most_tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(input_ids, **options)


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_gives_the_same_states(random_llama, caplog):
    model = random_llama()
    small = SmallMemory(model.config).eval()
    small.load_state_dict(model.state_dict())
    expected, found = (states_of_windows(each, WINDOWS, batch_tokens=10_000) for each in (model, small))

    assert found.keys() == expected.keys()
    for number, states in expected.items():
        torch.testing.assert_close(found[number], states, rtol=1e-5, atol=1e-5)
    tried = [rows * length for rows, length in small.shapes if rows * length > 40]
    assert tried == sorted(set(tried), reverse=True), "what did not fit once was tried again"
    assert "does not fit into memory; it is run in halves" in caplog.text


def test_a_window_that_does_not_fit_alone_is_an_error_that_says_what_to_give(random_llama):
    small = SmallMemory(random_llama().config).eval()
    small.most_tokens = 29
    with pytest.raises(ModelError, match=r"window of 30 tokens does not fit.*smaller evaluation\.sequence_length"):
        states_of_windows(small, WINDOWS, batch_tokens=10_000)


def test_other_errors_of_the_model_come_through(random_llama):
    class Failing(LlamaForCausalLM):
        def forward(self, input_ids, **options):
            raise RuntimeError("a bug of the model")

    with pytest.raises(RuntimeError, match="a bug of the model"):
        states_of_windows(Failing(random_llama().config), WINDOWS, batch_tokens=60)
