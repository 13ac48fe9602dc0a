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
from ..languages import Language, find_language
from .divergence import token_losses
from .held_out import HeldOutDocument, cut_windows, first_token
from .scoring import Scorer, check_head, make_batches, output_head, targets_of

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
        documents = _documents_of_languages(predictions, references, TextEncoder(tokenizer, separator=""))
        head, scorer, prefix = output_head(model), Scorer(model), first_token(tokenizer)
        scores: dict[str, dict[str, Any]] = {}
        for language, of_language in tqdm(documents.items(), desc="Scoring", unit="language", disable=None):
            windows = cut_windows(of_language, prefix, sequence_length)
            if not scores:
                check_head(model, head, windows[0].start(sequence_length))
            total = 0.0
            for batch in make_batches(windows, batch_tokens):
                device = head.weight.device
                total += token_losses(scorer.states(batch).to(device), head, targets_of(batch).to(device)).sum().item()
            scores[language.tag] = _score(total, of_language)
        bits = [score["bits_per_byte"] for score in scores.values()]
        return {"languages": scores, "mean_bits_per_byte": sum(bits) / len(bits), "max_bits_per_byte": max(bits)}


def _documents_of_languages(
    texts: Sequence[str], names: Sequence[str], encoder: TextEncoder
) -> dict[Language, list[HeldOutDocument]]:
    found: dict[Language, list[HeldOutDocument]] = {}
    documents = (Document.from_text(str(number), text, "evaluation") for number, text in enumerate(texts))
    for name, document in zip(names, encoder.tokenize(documents), strict=True):
        if not document.tokens:
            raise CorpusError(f"Text number {document.id} ({name}) is empty; leave it out or give its text.")
        tokens = np.array(document.tokens, np.int32)
        scored = HeldOutDocument(document.id, tokens, document.num_bytes, document.num_characters)
        found.setdefault(find_language(name), []).append(scored)
    return found


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
