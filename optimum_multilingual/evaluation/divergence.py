"""Negative log-likelihood, KL divergence and agreement of two models, from their final hidden states. Pure tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

# Logits are computed for this many tokens and words at once: 4 MiB in float32, which caches hold, whatever the vocabulary.
TOKENS_AT_ONCE, WORDS_AT_ONCE = 512, 2048

# This many likeliest tokens of both models are compared.
OVERLAPPING = 5

# A chunk of the vocabulary is searched for its likeliest tokens by columns of this many words.
LINES = 32


@dataclass(frozen=True)
class OutputHead:
    """The map from final hidden states to logits: scale * (hidden @ weight.T + bias), softly capped.

    Args:
        weight: shape [vocabulary, hidden].
        bias: shape [vocabulary], or None.
        scale: factor on the logits (Cohere, Granite).
        cap: logits become cap * tanh(logits / cap) (Gemma 2); None leaves them.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    scale: float = 1.0
    cap: float | None = None

    def to(self, device: torch.device) -> OutputHead:
        """The same on another device; itself where it is there already."""
        bias = None if self.bias is None else self.bias.to(device)
        return replace(self, weight=self.weight.to(device), bias=bias)

    def logits(self, hidden: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Logits of the words `start` to `stop` in float32, shape [tokens, stop - start], from [tokens, hidden]."""
        logits = hidden.float() @ self.weight[start:stop].float().T
        if self.bias is not None:
            logits += self.bias[start:stop].float()
        if self.scale != 1.0:
            logits *= self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


@dataclass(frozen=True)
class TokenScores:
    """What is known of every scored token; all of shape [tokens].

    Args:
        reference_nll: -log p(token) under the reference, nats.
        quantized_nll: the same under the quantized model.
        kl: KL(reference || quantized) of the next-token distributions, nats.
        reverse_kl: KL(quantized || reference), nats.
        agree: whether both models' likeliest token is the same.
        overlap: share of the reference's five likeliest tokens that are among the quantized model's five.
    """

    reference_nll: torch.Tensor
    quantized_nll: torch.Tensor
    kl: torch.Tensor
    reverse_kl: torch.Tensor
    agree: torch.Tensor
    overlap: torch.Tensor


class _Loss:
    """Log-sum-exp and target logit of one model, gathered chunk by chunk of the vocabulary."""

    def __init__(self, tokens: int, device: torch.device):
        self.log_sum = torch.full((tokens,), -torch.inf, dtype=torch.float64, device=device)
        self.target = torch.zeros(tokens, device=device)

    def add(self, logits: torch.Tensor, chunk_max: torch.Tensor, start: int, targets: torch.Tensor) -> _Weights:
        """Takes in the logits of the words from `start` on, whose largest ones are `chunk_max`."""
        inside = (targets >= start) & (targets < start + logits.shape[-1])
        picked = logits.gather(-1, (targets - start).clamp(0, logits.shape[-1] - 1)[:, None])[:, 0]
        self.target = torch.where(inside, picked, self.target)
        # softmax is the fastest exponential there is; its largest entry, exp(max) / factor, tells the factor.
        weights = logits.softmax(-1)
        log_factor = chunk_max.double() - weights.amax(-1).double().log()
        before = self.log_sum
        self.log_sum = torch.logaddexp(before, log_factor + weights.sum(-1).double().log())
        return _Weights(weights, torch.exp(log_factor - self.log_sum), torch.exp(before - self.log_sum))

    def nll(self) -> torch.Tensor:
        """-log p of the targets after the last chunk."""
        return self.log_sum - self.target


class _Running:
    """The loss, the likeliest tokens and a mean under one model, gathered chunk by chunk of the vocabulary."""

    def __init__(self, tokens: int, vocabulary: int, device: torch.device):
        kept = min(OVERLAPPING, vocabulary)
        self.loss = _Loss(tokens, device)
        self.best = torch.full((tokens, kept), -torch.inf, device=device)
        self.best_words = torch.full((tokens, kept), -1, device=device)
        self.mean = torch.zeros(tokens, dtype=torch.float64, device=device)

    def add(self, logits: torch.Tensor, start: int, targets: torch.Tensor) -> _Weights:
        """Takes in the logits of the words from `start` on."""
        columns = _columns(logits)
        column_max = columns.amax(1)
        chunk_max = column_max.amax(-1)
        self._keep_best(columns, column_max, start, chunk_max > self.best[:, -1])
        return self.loss.add(logits, chunk_max, start, targets)

    def add_mean(self, weights: _Weights, values: torch.Tensor) -> None:
        """Takes one chunk's values into `mean`, their expectation under the model."""
        self.mean = (
            self.mean * weights.of_before + torch.linalg.vecdot(weights.chunk, values).double() * weights.of_chunk
        )

    def _keep_best(self, columns: torch.Tensor, column_max: torch.Tensor, start: int, better: torch.Tensor) -> None:
        """Looks for better words in the rows that have some; finding their places is what costs."""
        rows = better.nonzero()[:, 0]
        if 2 * len(rows) > len(columns):
            rows = torch.arange(len(columns), device=columns.device)  # most of them: copying those costs more than all
        else:
            columns, column_max = columns[rows], column_max[rows]
        kept = self.best.shape[-1]
        values, words = _top(columns, column_max, min(kept, columns.shape[1] * columns.shape[2]))
        values = torch.cat([self.best[rows], values], -1)
        words = torch.cat([self.best_words[rows], words + start], -1)
        self.best[rows], order = values.topk(kept)
        self.best_words[rows] = words.gather(-1, order)


def _columns(logits: torch.Tensor) -> torch.Tensor:
    """Logits of one chunk laid out in 32 lines of columns, or in one line where that does not come out even."""
    lines = LINES if logits.shape[-1] % LINES == 0 and logits.shape[-1] >= OVERLAPPING * LINES else 1
    return logits.unflatten(-1, (lines, -1))


def _top(columns: torch.Tensor, column_max: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest logits and their places; they stand in the columns with the largest maxima, so only those are sorted."""
    best = column_max.topk(count).indices
    candidates = columns.gather(2, best[:, None].expand(-1, columns.shape[1], -1)).flatten(1)
    values, places = candidates.topk(count)
    return values, places // count * columns.shape[2] + best.gather(1, places % count)


@dataclass(frozen=True)
class _Weights:
    """Softmax inside one chunk, and what this chunk and those before it weigh in the softmax of all so far."""

    chunk: torch.Tensor
    of_chunk: torch.Tensor
    of_before: torch.Tensor


@torch.inference_mode()
def compare_states(
    reference: torch.Tensor,
    quantized: torch.Tensor,
    reference_head: OutputHead,
    quantized_head: OutputHead,
    targets: torch.Tensor,
) -> TokenScores:
    """Compares two models token by token, exactly and without ever holding tokens x vocabulary logits.

        KL = sum_v p(v) (a(v) - b(v)) - (logsumexp(a) - logsumexp(b)),   p = softmax(a)

    with a and b the logits of the reference and the quantized model; the sum runs over chunks of the vocabulary.

    Args:
        reference: final hidden states of the reference, shape [tokens, hidden], any floating type.
        quantized: those of the quantized model, same shape, same device.
        reference_head: the reference's projection.
        quantized_head: the quantized model's.
        targets: the tokens that really came, shape [tokens].

    Source: Kullback and Leibler (1951); logits and softmax in float32, sums over chunks in float64.
    """
    blocks = [
        _compare_block(a, b, reference_head, quantized_head, wanted)
        for a, b, wanted in zip(*(part.split(TOKENS_AT_ONCE) for part in (reference, quantized, targets)), strict=True)
    ]
    return TokenScores(*map(torch.cat, zip(*blocks, strict=True)))


@torch.inference_mode()
def token_losses(states: torch.Tensor, head: OutputHead, targets: torch.Tensor) -> torch.Tensor:
    """-log p of each target under one model, in nats, float64, shape [tokens]; never holds tokens x vocabulary logits.

    Args:
        states: final hidden states, shape [tokens, hidden].
        head: the model's projection.
        targets: the tokens that really came, shape [tokens].
    """
    vocabulary, losses = head.weight.shape[0], []
    for part, wanted in zip(states.split(TOKENS_AT_ONCE), targets.split(TOKENS_AT_ONCE), strict=True):
        loss = _Loss(len(part), part.device)
        for start in range(0, vocabulary, WORDS_AT_ONCE):
            logits = head.logits(part, start, min(start + WORDS_AT_ONCE, vocabulary))
            loss.add(logits, logits.amax(-1), start, wanted)
        losses.append(loss.nll())
    return torch.cat(losses)


def _compare_block(
    reference: torch.Tensor,
    quantized: torch.Tensor,
    reference_head: OutputHead,
    quantized_head: OutputHead,
    targets: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    tokens, vocabulary = len(targets), reference_head.weight.shape[0]
    a, b = (_Running(tokens, vocabulary, reference.device) for _ in range(2))
    for start in range(0, vocabulary, WORDS_AT_ONCE):
        stop = min(start + WORDS_AT_ONCE, vocabulary)
        a_logits = reference_head.logits(reference, start, stop)
        b_logits = quantized_head.logits(quantized, start, stop)
        a_weights, b_weights = a.add(a_logits, start, targets), b.add(b_logits, start, targets)
        gap = a_logits.sub_(b_logits)
        a.add_mean(a_weights, gap)
        b.add_mean(b_weights, gap)
    between = a.loss.log_sum - b.loss.log_sum
    shared = (a.best_words[:, :, None] == b.best_words[:, None]).any(-1).float().mean(-1)
    return (
        a.loss.nll(),
        b.loss.nll(),
        a.mean - between,
        between - b.mean,
        a.best_words[:, 0] == b.best_words[:, 0],
        shared,
    )
