"""Training an adapter so that a quantized model says what its reference says: KL divergence on calibration rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tqdm.auto import tqdm

from ..calibration.calibration_set import CalibrationSet
from ..evaluation.divergence import OutputHead
from ..evaluation.held_out import Window
from ..evaluation.scoring import Scorer, captured_states, eager, output_head
from ..evaluation.state_store import StateStore
from .recovery_config import RecoveryConfig

# Logits of both models are held for this many tokens at once.
TOKENS_AT_ONCE = 256

# QLoRA's.
LARGEST_GRADIENT = 0.3


def teacher_states(model: Any, rows: CalibrationSet, needed: int, store: StateStore) -> None:
    """Keeps the reference's final hidden states of the first rows, under their places; logits are made of them later.

    Args:
        model: the reference.
        rows: the calibration set.
        needed: how many of its rows.
        store: takes them, shape [sequence_length, hidden] each.
    """
    scorer = Scorer(model)
    for place in tqdm(range(needed), desc="Reading the reference", unit="row", disable=None):
        ids = rows.rows[place].input_ids
        store.put(place, scorer.states([Window(place, ids, ids)]))


def distil(
    model: Any,
    rows: CalibrationSet,
    store: StateStore,
    reference_head: OutputHead,
    trained: Sequence[torch.nn.Parameter],
    settings: RecoveryConfig,
) -> list[float]:
    """Trains the given weights on KL(reference || quantized) over the rows, in their balanced order.

        step 0   rows 0 .. 15     each optimizer step sees the languages in the shares of the set,
        step 1   rows 16 .. 31    since every prefix of the set is balanced

    Args:
        model: quantized, with an adapter.
        rows: the calibration set.
        store: the reference's states of every row, by place.
        reference_head: what makes logits of them.
        trained: the adapter's weights.
        settings: steps, rows of a step, learning rate.

    Returns:
        The mean divergence of each step before its update, nats a token.
    """
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.0)
    head, losses = output_head(model), []
    with tqdm(range(settings.steps), desc="Recovering", unit="step", disable=None) as bar:
        for step in bar:
            first = step * settings.rows_per_step
            places = [place % len(rows) for place in range(first, first + settings.rows_per_step)]
            loss = 0.0
            for place in places:
                ids = torch.from_numpy(rows.rows[place].input_ids).long()[None].to(model.device)
                loss += _backward(model, ids, store.get(place), head, reference_head, 1 / len(places))
            torch.nn.utils.clip_grad_norm_(trained, LARGEST_GRADIENT)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss)
            bar.set_postfix_str(f"KL {loss:.4f}")
    return losses


def _backward(
    model: Any, ids: torch.Tensor, kept: torch.Tensor, head: OutputHead, reference_head: OutputHead, share: float
) -> float:
    """Adds one row's gradient; logits, in float32, are held for a few tokens at a time.

    The loss is taken backwards to the final hidden states chunk by chunk, and from there through the model once.
    """
    with captured_states(model) as captured, eager():
        model(input_ids=ids, use_cache=False)
    states = captured[0][0]
    leaf, total = states.detach().requires_grad_(), 0.0
    vocabulary = head.weight.shape[0]
    reference_head = reference_head.to(leaf.device)
    for ours, theirs in zip(leaf.split(TOKENS_AT_ONCE), kept.to(leaf.device).split(TOKENS_AT_ONCE), strict=True):
        target = reference_head.logits(theirs, 0, vocabulary).log_softmax(-1)
        found = head.logits(ours, 0, vocabulary).log_softmax(-1)
        loss = torch.nn.functional.kl_div(found, target, reduction="sum", log_target=True) * share / len(states)
        loss.backward()
        total += loss.item()
    states.backward(leaf.grad)
    return total
