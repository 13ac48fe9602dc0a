"""Perplexity and bits per byte of one model in each language, as a metric of the package `evaluate`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..calibration.encoding import TextEncoder
from ..calibration.tokenization import load_tokenizer
from ..corpora import Document
from ..errors import CorpusError, MissingPackageError
from ..languages import find_language
from .divergence import token_losses
from .held_out import HeldOutDocument, Window, cut_windows, first_token
from .scoring import CHECKED_TOKENS, Scorer, check_head, make_batches, output_head, targets_of

try:
    import datasets
    import evaluate
except ImportError as error:
    raise MissingPackageError(
        'MultilingualPerplexity needs evaluate, which is not installed. Run: pip install "optimum-multilingual[evaluate]"'
    ) from error

DESCRIPTION = """\
Perplexity and bits per byte of a causal language model, for each language on its own. Each text is scored after the token that
begins a sequence, every token exactly once. Perplexity is pooled over the tokens of a language and cannot be compared between
languages; bits per byte can be compared between models with different tokenizers."""

INPUTS = """\
predictions (list of str): the texts.
references (list of str): the language of each text, as any name, code or tag.
model (PreTrainedModel): a causal language model in memory, on one device or dispatched over several.
tokenizer (PreTrainedTokenizer or str): the model's tokenizer.
sequence_length (int): longest window in tokens; longer texts are cut and every token is scored once. Default: 512.
batch_tokens (int): tokens in one forward pass; made smaller where memory ends. Default: 4096."""

CITATION = """\
@misc{eval-harness, author = {Gao, Leo and others}, title = {The Language Model Evaluation Harness}, year = 2024}"""


class MultilingualPerplexity(evaluate.Metric):
    """Scores a model in memory, language by language.

        >>> metric = MultilingualPerplexity()
        >>> metric.add_batch(predictions=["Habari za asubuhi.", "Good morning."], references=["sw", "en"])
        >>> metric.compute(model=model, tokenizer=tokenizer)["languages"]["swh_Latn"]["perplexity"]

    Source: the formulas of lm-evaluation-harness (`perplexity` per token here, `bits_per_byte`).
    """

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": text, "references": text}),
        )

    def _compute(
        self,
        predictions: Sequence[str],
        references: Sequence[str],
        model: Any,
        tokenizer: Any,
        sequence_length: int = 512,
        batch_tokens: int = 4096,
    ) -> dict[str, Any]:
        """Gives for each language its perplexity, loss, bits per byte and amounts, and the mean over languages.

        Raises:
            CorpusError: a text is empty.
            LanguageError: a reference names no language.
            ModelError: the model's logits cannot be had from its hidden states.
        """
        tokenizer = load_tokenizer(tokenizer)
        languages = [find_language(name) for name in references]
        documents = _documents(predictions, references, TextEncoder(tokenizer, separator=""))
        windows = cut_windows(documents, first_token(tokenizer), sequence_length)
        totals = _losses_of_documents(model, windows, len(documents), batch_tokens)
        scores = {}
        for language in dict.fromkeys(languages):
            places = [place for place, of_it in enumerate(languages) if of_it == language]
            scores[language.tag] = _score(totals[places].sum().item(), [documents[place] for place in places])
        bits = [score["bits_per_byte"] for score in scores.values()]
        return {"languages": scores, "mean_bits_per_byte": sum(bits) / len(bits), "max_bits_per_byte": max(bits)}


def _documents(texts: Sequence[str], names: Sequence[str], encoder: TextEncoder) -> list[HeldOutDocument]:
    found = []
    documents = (Document.from_text(str(number), text, "evaluation") for number, text in enumerate(texts))
    for name, document in zip(names, encoder.tokenize(documents), strict=True):
        if not document.tokens:
            raise CorpusError(f"Text number {document.id} ({name}) is empty; leave it out or give its text.")
        tokens = np.array(document.tokens, np.int32)
        found.append(HeldOutDocument(document.id, tokens, document.num_bytes, document.num_characters))
    return found


def _losses_of_documents(model: Any, windows: Sequence[Window], count: int, batch_tokens: int) -> np.ndarray:
    """-log p of each document in nats, shape [documents]; texts of like length share a batch, of whatever language."""
    head, scorer, totals = output_head(model), Scorer(model), np.zeros(count)
    check_head(model, head, windows[0].start(CHECKED_TOKENS))
    device = head.weight.device
    for batch in tqdm(make_batches(windows, batch_tokens), desc="Scoring", unit="batch", disable=None):
        losses = token_losses(scorer.states(batch).to(device), head, targets_of(batch).to(device))
        places = np.repeat([window.document for window in batch], [len(window.targets) for window in batch])
        totals += np.bincount(places, losses.cpu().numpy(), count)
    return totals


def _score(total: float, documents: Sequence[HeldOutDocument]) -> dict[str, Any]:
    tokens = sum(len(document.tokens) for document in documents)
    num_bytes = sum(document.num_bytes for document in documents)
    nll = total / tokens
    return {
        "perplexity": math.exp(nll) if nll < 700 else math.inf,
        "nll": nll,
        "bits_per_byte": total / num_bytes / math.log(2),
        "documents": len(documents),
        "tokens": tokens,
        "num_bytes": num_bytes,
    }
