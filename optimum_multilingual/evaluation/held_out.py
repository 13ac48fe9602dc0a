"""The text every language is measured on: held out from calibration, tokenized once, cut into windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..calibration.calibration_set import Manifest
from ..calibration.packing import TokenizedDocument
from ..calibration.source import TextSource
from ..calibration.tokenization import check_coverage
from ..config import EvaluationConfig
from ..corpora import require_languages
from ..errors import ConfigError, CorpusExhaustedError, OverlapError, TokenizerError
from ..languages import Language
from .document_cut import first_part

# A bootstrap over fewer documents than this says little about the next document.
MIN_DOCUMENTS = 8


@dataclass(frozen=True)
class HeldOutDocument:
    """One text to measure on, or its first part.

    Args:
        id: where it came from.
        tokens: token ids without special tokens, shape [tokens], int32.
        num_bytes: length of what is measured in UTF-8.
        num_characters: length of what is measured in code points.
    """

    id: str
    tokens: np.ndarray
    num_bytes: int
    num_characters: int


@dataclass(frozen=True)
class Window:
    """One model input and the tokens it is scored on.

        tokens   t0 t1 t2 t3 t4          longest window 3, prefix p
        window   p  t0 t1 -> t0 t1 t2
        window   t1 t2 t3 ->    t3 t4    only targets not scored before

    Args:
        document: place of the document in its language.
        input_ids: shape [length], int32.
        targets: shape [scored], int32; the tokens that follow the last `scored` inputs.
    """

    document: int
    input_ids: np.ndarray
    targets: np.ndarray

    def start(self, length: int) -> Window:
        """The beginning of a document's first window, in which every input has a target."""
        assert len(self.input_ids) == len(self.targets), "not the first window of its document"
        return Window(self.document, self.input_ids[:length], self.targets[:length])


def hold_out(
    source: TextSource,
    languages: Sequence[Language],
    tokenizer: Any,
    settings: EvaluationConfig,
    calibrations: Sequence[Manifest] = (),
    passed: Mapping[Language, int] = MappingProxyType({}),
) -> dict[Language, list[HeldOutDocument]]:
    """Draws the evaluation documents of every language and proves that none was calibrated on.

    Args:
        source: draws the text; the part "evaluation" when calibration draws from the same corpus.
        languages: those to measure.
        tokenizer: the model's tokenizer.
        settings: how much text.
        calibrations: manifests of the calibration sets; none when nothing was calibrated.
        passed: documents of each language that come first and are left for another use.

    Raises:
        CorpusExhaustedError: a language has fewer than eight documents, beside those that are passed over.
        OverlapError: a document is in the calibration set, by its content.
    """
    require_languages(source.corpus, languages)
    used = {digest: id for texts in _texts(calibrations) for digest, id in texts.items()}
    held_out = {}
    for language in tqdm(languages, desc="Holding out evaluation text", unit="language", disable=None):
        held_out[language] = _draw(language, source.draw(language), tokenizer, settings, used, passed.get(language, 0))
        check_coverage((document.tokens for document in held_out[language]), tokenizer, language.name)
    return held_out


def _texts(calibrations: Sequence[Manifest]) -> Iterator[dict[str, str]]:
    """Digest of every calibration text -> its id, of each language of each set."""
    return (texts for manifest in calibrations for texts in manifest.documents.values())


def _draw(
    language: Language,
    stream: Iterable[TokenizedDocument],
    tokenizer: Any,
    settings: EvaluationConfig,
    used: dict[str, str],
    passed: int,
) -> list[HeldOutDocument]:
    drawn: list[HeldOutDocument] = []
    total = 0
    for document in islice((each for each in stream if len(each.tokens)), passed, None):
        if document.digest in used:
            raise OverlapError(
                f"The evaluation text {document.id} of {language.name} is also calibration text "
                f"({used[document.digest]}): the two have the same content. Measured on it, {language.name} would look "
                "better than it is. Give other text as evaluation.corpus (--evaluation-corpus), or leave that out and give the "
                "corpus of the calibration as corpus (--corpus), of which a part is kept for evaluation."
            )
        part = first_part(document, tokenizer, settings.tokens_per_language)
        tokens = np.array(part.tokens, np.int32)
        drawn.append(HeldOutDocument(part.id, tokens, part.num_bytes, part.num_characters))
        total += len(tokens)
        if total >= settings.tokens_per_language and len(drawn) >= MIN_DOCUMENTS:
            break
    if len(drawn) < MIN_DOCUMENTS:
        raise _exhausted(language, len(drawn), passed)
    return drawn


def _exhausted(language: Language, found: int, passed: int) -> CorpusExhaustedError:
    beside = f" beside the {passed} that are measured on" if passed else ""
    less = "ask for fewer evaluation.tokens_per_language (--evaluation-tokens), " if passed else ""
    return CorpusExhaustedError(
        f"{language.name} ({language.tag}) has too little evaluation text: {found} documents found{beside}, "
        f"{MIN_DOCUMENTS} needed. Give evaluation.corpus= held-out text of it, give a larger corpus= (one document "
        f"in five is kept for evaluation), {less}or leave the language out."
    )


def first_token(tokenizer: Any) -> int:
    """The token every document is scored after: the one that begins a sequence, else the one that ends it.

    Raises:
        TokenizerError: the tokenizer has neither.

    Source: the prefix token of lm-evaluation-harness.
    """
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    raise TokenizerError(
        "The tokenizer has no token that begins or ends a sequence, so a document's first token cannot be scored; set "
        "tokenizer.bos_token."
    )


def check_stride(stride: int | None, length: int) -> None:
    """Refuses windows that would leave tokens between them unscored.

    Raises:
        ConfigError: the stride is longer than a window.
    """
    if stride is not None and stride > length:
        raise ConfigError(
            f"evaluation.stride is {stride} tokens, longer than a window of {length}, so tokens between windows would not be "
            "scored; give a smaller stride, or leave it out for windows that follow one another."
        )


def cut_windows(
    documents: Sequence[HeldOutDocument], prefix: int, max_length: int, stride: int | None = None
) -> list[Window]:
    """Cuts documents into windows in which every token is scored exactly once.

    Args:
        documents: of one language.
        prefix: the token before each document.
        max_length: longest input in tokens.
        stride: tokens that each window after a document's first scores; every one of them then has at least
            max_length - stride tokens before it. None for max_length, the fewest windows.

    Source: `get_rolling_token_windows` of lm-evaluation-harness, with `context_len` = max_length - stride + 1.
    """
    stride = stride or max_length
    windows = []
    for place, document in enumerate(documents):
        sequence = np.concatenate([np.array([prefix], np.int32), document.tokens])
        for start in (0, *range(max_length, len(document.tokens), stride)):
            end = min(start + (stride if start else max_length), len(document.tokens))
            begin = max(0, end - max_length)
            windows.append(Window(place, sequence[begin:end], document.tokens[start:end]))
    return windows
