"""Rows chosen by what quantizing does to them: those whose predictions move most."""

from __future__ import annotations

import numpy as np

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..evaluation.evaluator import Evaluation
from ..evaluation.held_out import HeldOutDocument, Window
from ..languages import Language
from ..report.pooling import Column, document_sums
from .row_subset import places_of_languages, subset
from .workbench import Workbench


def highest_kl_rows(
    bench: Workbench, config: MultilingualCalibrationConfig, candidates: CalibrationSet, count: int
) -> CalibrationSet:
    """Of the rows of each language, those with the highest KL to the reference when all of them were calibrated on.

        candidates  en  e1 0.02   e2 0.05   e3 0.03         2 of each language     e2 s1 e3 s3
                    sw  s1 0.09   s2 0.01   s3 0.04

    The model that scores was calibrated on all candidates, so that none looks worse for having been left out.

    Args:
        bench: of the dense model.
        config: of the quantizer.
        candidates: rows to choose from.
        count: rows of each language to take.

    Source: chunks for importance matrices chosen by KL, in robbiemu/llama-gguf-optimize (on_kl-divergence-optimization.md).
    """
    quantized, backend = bench.quantize(config, candidates)
    text = _as_text(candidates, config)
    measured = bench.compare(quantized, backend, text, bench.score(text))
    chosen = {}
    for language, places in places_of_languages(candidates).items():
        sums = document_sums(measured[language])
        kl = sums[:, Column.KL] / sums[:, Column.TOKENS]
        # A row that is no number is one that moved most; the order of rows decides between equals.
        order = np.argsort(-np.nan_to_num(kl, nan=np.inf), kind="stable")[:count]
        chosen[language] = [places[rank] for rank in order]
    return subset(candidates, chosen)


def _as_text(candidates: CalibrationSet, config: MultilingualCalibrationConfig) -> Evaluation:
    """Calibration rows as text to score: a row is a document, and every token after its first is predicted."""
    assert config.evaluation is not None
    documents: dict[Language, list[HeldOutDocument]] = {}
    windows: dict[Language, list[Window]] = {}
    for language, places in places_of_languages(candidates).items():
        rows = [candidates.rows[place].input_ids for place in places]
        # Bytes and characters are sizes of text, which rows do not have.
        documents[language] = [HeldOutDocument(f"row {place}", ids, 0, 0) for place, ids in zip(places, rows)]
        windows[language] = [Window(number, ids[:-1], ids[1:]) for number, ids in enumerate(rows)]
    return Evaluation(documents, windows, config.evaluation, candidates.manifest.corpus)
