"""Runs a sweep: every calibration set with every quantizer, bits and seed, against a reference that is scored once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..calibration.build import build_calibration_set
from ..calibration.calibration_set import CalibrationSet
from ..calibration.nonsense import build_nonsense_set
from ..calibration.tokenization import load_tokenizer
from ..config import EvaluationConfig, MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError
from ..evaluation.evaluator import Evaluation, prepare_evaluation
from ..model_checks import load_causal_lm_config, longest_sequence
from .cell_run import CellWork, given, measure_cells
from .cell_store import CellStore
from .sweep_plan import SweepPlan, find_sweep
from .sweep_result import Sweep
from .workbench import find_calibrated_backend

Sets = Mapping[tuple[str, int], CalibrationSet]


def sweep_settings(
    model: str | Path,
    plan: str | SweepPlan,
    output: str | Path,
    corpus: Any = "embedded",
    evaluation: EvaluationConfig | None = None,
    text_column: str = "text",
    language_column: str = "language",
    tokenizer: Any = None,
    device_map: Any = None,
) -> Sweep:
    """Quantizes one model with many calibration sets, and reports which setting costs which language how much.

        >>> plan = find_sweep("beyond-english").only(quantizers=["gptq"], seeds=[0, 1])
        >>> print(sweep_settings("path/or/name", plan, "sweep/", corpus="my_texts/"))

    The reference is scored once. Every cell is written when it is done; the same call on the same folder goes on where the last
    one ended. A cell is known by the model, text, calibration set, quantizer and versions behind it: what changed is computed
    anew beside the old file. Under `accelerate launch` or `torchrun` every process takes its share of the cells.

    Args:
        model: name or folder of the dense model.
        plan: a plan, or the name of a preset.
        output: folder, new or of an earlier run; the processes share it.
        corpus, text_column, language_column: as in `MultilingualCalibrationConfig`, for calibration.
        evaluation: how languages are measured; its languages are those of the plan.
        tokenizer: a tokenizer or its name; None finds it beside the model.
        device_map: as in `from_pretrained`, one device.

    Raises:
        ConfigError: a setting or quantizer that cannot work, found before any weight is loaded.
        CorpusError: text is missing in a language of a setting, or too little.
        CheckpointError: the folder holds something else, cannot be written, or a cell in it is damaged.
        ProcessError: another process failed.
    """
    started = time.perf_counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    plan = find_sweep(plan) if isinstance(plan, str) else plan
    evaluation = _evaluation_of(plan, evaluation)
    store = CellStore(Path(output))
    quantizers = {
        (cell.quantizer, cell.bits): MultilingualCalibrationConfig(
            **plan.quantizers[cell.quantizer], bits=cell.bits, languages=plan.languages, evaluation=evaluation
        )
        for cell in plan.cells()
    }
    backends = {key: find_calibrated_backend(config) for key, config in quantizers.items()}
    store.prepare()
    upstream = load_causal_lm_config(model)
    loaded = load_tokenizer(tokenizer, str(model))
    text = {"text_column": text_column, "language_column": language_column}
    corpus = open_corpus(corpus, **text)
    sets = _build_sets(plan, {"corpus": corpus, "evaluation": evaluation}, loaded, longest_sequence(upstream))
    held_out = _hold_out(plan, corpus, evaluation, loaded, longest_sequence(upstream), sets)
    seconds["sets"] = time.perf_counter() - started
    work = {
        cell: CellWork(
            replace(quantizers[cell.quantizer, cell.bits], seed=cell.seed),
            given(sets[cell.setting, cell.seed]),
            {
                "set": sets[cell.setting, cell.seed].fingerprint,
                "quantizer": dict(plan.quantizers[cell.quantizer]),
                "bits": cell.bits,
                "engine": backends[cell.quantizer, cell.bits].capability.versions(),
            },
        )
        for cell in plan.cells()
    }
    cells, computed = measure_cells(model, upstream, work, held_out, store, device_map, seconds)
    seconds["whole"] = time.perf_counter() - started
    return Sweep(plan, cells, seconds, computed)


def _evaluation_of(plan: SweepPlan, given: EvaluationConfig | None) -> EvaluationConfig:
    evaluation = given or EvaluationConfig()
    if evaluation.tasks:
        raise ConfigError(
            "A sweep measures text only; leave evaluation.tasks out, and run them on the setting it finds."
        )
    if evaluation.languages:
        raise ConfigError("The plan of a sweep says which languages are measured; leave evaluation.languages out.")
    return evaluation


def _build_sets(plan: SweepPlan, shared: dict[str, Any], tokenizer: Any, max_length: int | None) -> Sets:
    """The calibration set of every setting and seed, before any weight is loaded."""
    wanted = [(setting, seed) for setting in plan.settings for seed in plan.seeds]
    sets = {}
    for setting, seed in tqdm(wanted, desc="Building calibration sets", unit="set", disable=None):
        said = dict(plan.settings[setting])
        kind = said.pop("nonsense", None)
        if kind is None:
            config = MultilingualCalibrationConfig(**said, **shared, seed=seed)
            sets[setting, seed] = build_calibration_set(config, tokenizer, max_length)
            continue
        if set(said) != {"num_rows", "sequence_length"}:
            raise ConfigError(
                f"The setting {setting!r} has no text to take its size from; give num_rows and sequence_length."
            )
        sets[setting, seed] = build_nonsense_set(kind, tokenizer, **said, seed=seed)
    return sets


def _hold_out(
    plan: SweepPlan, corpus: Any, evaluation: EvaluationConfig, tokenizer: Any, max_length: int | None, sets: Sets
) -> Evaluation:
    config = MultilingualCalibrationConfig(languages=plan.languages, corpus=corpus, evaluation=evaluation)
    manifests = [each.manifest for each in sets.values()]
    longest = max(manifest.sequence_length for manifest in manifests)
    return prepare_evaluation(config, config.resolved_languages, tokenizer, max_length, longest, manifests)
