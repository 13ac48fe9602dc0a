"""The chunked comparison of two models gives what full logits in float64 give."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimum_multilingual.evaluation.divergence import TOKENS_AT_ONCE, WORDS_AT_ONCE, OutputHead, compare_states


def random_case(tokens: int, vocabulary: int, hidden: int = 16, seed: int = 0, spread: float = 1.0, **head):
    """Hidden states of two models that are alike, their heads, and targets."""
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(tokens, hidden, generator=generator)
    other_states = states + 0.3 * torch.randn(tokens, hidden, generator=generator)
    weight = spread * torch.randn(vocabulary, hidden, generator=generator)
    other_weight = weight + 0.1 * torch.randn(vocabulary, hidden, generator=generator)
    if head.pop("with_bias", False):
        head["bias"] = torch.randn(vocabulary, generator=generator)
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    return states, other_states, OutputHead(weight, **head), OutputHead(other_weight, **head), targets


def full_logits(states: torch.Tensor, head: OutputHead) -> torch.Tensor:
    logits = states.double() @ head.weight.double().T
    if head.bias is not None:
        logits = logits + head.bias.double()
    logits = logits * head.scale
    return logits if head.cap is None else head.cap * torch.tanh(logits / head.cap)


def straightforward(states, other_states, head, other_head, targets) -> dict[str, torch.Tensor]:
    """The definitions, with all logits in float64 at once."""
    a, b = full_logits(states, head), full_logits(other_states, other_head)
    log_p, log_q = a.log_softmax(-1), b.log_softmax(-1)
    return {
        "reference_nll": -log_p.gather(-1, targets[:, None])[:, 0],
        "quantized_nll": -log_q.gather(-1, targets[:, None])[:, 0],
        "kl": (log_p.exp() * (log_p - log_q)).sum(-1),
        "reverse_kl": (log_q.exp() * (log_q - log_p)).sum(-1),
        "overlap": overlap(a, b),
        "agree": a.argmax(-1) == b.argmax(-1),
        "clear": (lead(a) > 1e-4) & (lead(b) > 1e-4),
        "clear_five": (lead(a, 5) > 1e-4) & (lead(b, 5) > 1e-4),
    }


def overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    count = min(5, a.shape[-1])
    pairs = zip(a.topk(count).indices.tolist(), b.topk(count).indices.tolist(), strict=True)
    return torch.tensor([len(set(first) & set(second)) / count for first, second in pairs], dtype=torch.float64)


def lead(logits: torch.Tensor, place: int = 1) -> torch.Tensor:
    """How far the token of one place is ahead of the next: in float32 a nearly equal one may be before it."""
    if place >= logits.shape[-1]:
        return torch.full(logits.shape[:1], torch.inf)
    values = logits.topk(place + 1).values
    return values[:, -2] - values[:, -1]


def assert_as_straightforward(case, tolerance: float = 2e-5) -> None:
    scores, expected = compare_states(*case), straightforward(*case)
    for name in ("reference_nll", "quantized_nll", "kl", "reverse_kl"):
        torch.testing.assert_close(getattr(scores, name).double(), expected[name], rtol=1e-5, atol=tolerance)
    clear = expected["clear"]
    assert torch.equal(scores.agree[clear], expected["agree"][clear])
    clear = expected["clear_five"]
    torch.testing.assert_close(scores.overlap[clear].double(), expected["overlap"][clear])


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"with_bias": True},
        {"scale": 0.0625},
        {"scale": 1.5},
        {"cap": 5.0},
        {"with_bias": True, "scale": 0.5, "cap": 3.0},
    ],
    ids=str,
)
def test_scores_are_those_of_full_float64_logits(head):
    assert_as_straightforward(random_case(tokens=200, vocabulary=301, **head))


@settings(max_examples=30, deadline=None)
@given(
    tokens=st.integers(1, 40),
    vocabulary=st.integers(2, 80),
    hidden=st.integers(1, 24),
    seed=st.integers(0, 2**31),
    with_bias=st.booleans(),
)
def test_scores_are_those_of_full_float64_logits_for_any_sizes(tokens, vocabulary, hidden, seed, with_bias):
    assert_as_straightforward(random_case(tokens, vocabulary, hidden, seed, with_bias=with_bias), tolerance=5e-5)


@pytest.mark.parametrize("tokens", [1, TOKENS_AT_ONCE, TOKENS_AT_ONCE + 1])
@pytest.mark.parametrize("vocabulary", [WORDS_AT_ONCE, WORDS_AT_ONCE + 1, 2 * WORDS_AT_ONCE + 3])
def test_the_borders_of_chunks_do_not_show(tokens, vocabulary):
    assert_as_straightforward(random_case(tokens, vocabulary, hidden=4))


def test_a_likeliest_token_in_a_later_chunk_is_found():
    tokens, vocabulary = 3, WORDS_AT_ONCE + 200
    states = torch.ones(tokens, 1)
    weight, other = torch.zeros(vocabulary, 1), torch.zeros(vocabulary, 1)
    weight[-1], other[3] = 9.0, 9.0
    targets = torch.full((tokens,), vocabulary - 1)

    same = compare_states(states, states, OutputHead(weight), OutputHead(weight), targets)
    different = compare_states(states, states, OutputHead(weight), OutputHead(other), targets)

    expected = math.log(math.exp(9) + vocabulary - 1)
    assert same.agree.all() and not different.agree.any()
    assert same.reference_nll[0].item() == pytest.approx(expected - 9, abs=1e-6)
    assert different.quantized_nll[0].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_model_compared_with_itself_has_no_divergence(dtype):
    states, _, head, _, targets = random_case(tokens=500, vocabulary=1000, spread=2.0, with_bias=True)
    head = OutputHead(head.weight.to(dtype), head.bias)

    scores = compare_states(states.to(dtype), states.to(dtype), head, head, targets)

    assert scores.kl.abs().max() < 1e-6
    assert scores.agree.all()
    assert torch.equal(scores.reference_nll, scores.quantized_nll)


def test_the_divergence_has_a_direction_and_is_never_negative():
    states, other_states, head, other_head, targets = random_case(tokens=300, vocabulary=50)

    forward = compare_states(states, other_states, head, other_head, targets)
    backward = compare_states(other_states, states, other_head, head, targets)

    assert forward.kl.min() > -1e-6
    assert not torch.allclose(forward.kl, backward.kl, rtol=1e-2)
    assert torch.equal(forward.reference_nll, backward.quantized_nll)


def test_states_and_weights_of_16_bits_are_multiplied_in_float32():
    states, other_states, head, other_head, targets = random_case(tokens=100, vocabulary=300)
    case = (
        states.bfloat16(),
        other_states.bfloat16(),
        OutputHead(head.weight.bfloat16()),
        OutputHead(other_head.weight.bfloat16()),
        targets,
    )

    assert_as_straightforward(case)


@pytest.mark.parametrize("spread", [100.0, 10_000.0])
def test_large_logits_do_not_overflow(spread):
    case = random_case(tokens=100, vocabulary=200, spread=spread)
    scores, expected = compare_states(*case), straightforward(*case)

    assert torch.isfinite(scores.kl).all()
    assert expected["kl"].max() > 50
    torch.testing.assert_close(scores.reference_nll.double(), expected["reference_nll"], rtol=1e-4, atol=1e-5 * spread)
    torch.testing.assert_close(scores.kl.double(), expected["kl"], rtol=1e-4, atol=1e-4 * spread)


def test_logits_that_are_not_numbers_are_not_hidden():
    states, other_states, head, other_head, targets = random_case(tokens=5, vocabulary=20)
    other_states[2] = torch.nan

    scores = compare_states(states, other_states, head, other_head, targets)

    assert torch.isnan(scores.quantized_nll).tolist() == [False, False, True, False, False]
    assert torch.isnan(scores.kl).tolist() == [False, False, True, False, False]


def test_a_head_gives_only_the_logits_asked_for_in_float32():
    states, _, head, _, _ = random_case(tokens=7, vocabulary=30, with_bias=True, scale=0.5, cap=4.0)

    part = head.logits(states.bfloat16(), 10, 15)

    assert part.dtype == torch.float32 and part.shape == (7, 5)
    torch.testing.assert_close(part.double(), full_logits(states.bfloat16(), head)[:, 10:15], rtol=1e-5, atol=1e-5)
    assert part.abs().max() < 4
