"""Runs a sweep: every calibration set with every quantizer, bits and seed, against a reference that is scored once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm
from transformers import AutoConfig

from ..calibration.build import build_calibration_set, recorded_versions
from ..calibration.calibration_set import CalibrationSet
from ..calibration.nonsense import build_nonsense_set
from ..calibration.tokenization import load_tokenizer
from ..comparison import load_checkpoint
from ..config import EvaluationConfig, MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError, ProcessError
from ..evaluation.evaluator import Evaluation, digest_of, prepare_evaluation
from ..evaluation.processes import Processes
from ..model_checks import longest_sequence
from .cell_store import CellStore, describe_device, describe_weights, fingerprint_of_values
from .sweep_plan import Cell, SweepPlan, find_sweep
from .sweep_result import Sweep
from .workbench import Workbench, find_calibrated_backend

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
    store, processes = CellStore(Path(output)), Processes.current()
    quantizers = {
        (cell.quantizer, cell.bits): MultilingualCalibrationConfig(
            **plan.quantizers[cell.quantizer], bits=cell.bits, languages=plan.languages, evaluation=evaluation
        )
        for cell in plan.cells()
    }
    backends = {key: find_calibrated_backend(config) for key, config in quantizers.items()}
    store.prepare()
    upstream = AutoConfig.from_pretrained(str(model))
    loaded = load_tokenizer(tokenizer, str(model))
    text = {"text_column": text_column, "language_column": language_column}
    corpus = open_corpus(corpus, **text)
    sets = _build_sets(plan, {"corpus": corpus, "evaluation": evaluation}, loaded, longest_sequence(upstream))
    held_out = _hold_out(plan, corpus, evaluation, loaded, longest_sequence(upstream), sets)
    seconds["sets"] = time.perf_counter() - started
    common = {
        "weights": describe_weights(str(model), getattr(upstream, "_commit_hash", None)),
        "device": describe_device(processes.device if device_map is None else device_map),
        "text": digest_of(held_out),
        "evaluation": {**held_out.settings.to_dict(), "corpus": held_out.corpus},
        "versions": recorded_versions(),
    }
    fingerprints = {
        cell: fingerprint_of_values(
            {
                **common,
                "set": sets[cell.setting, cell.seed].fingerprint,
                "quantizer": dict(plan.quantizers[cell.quantizer]),
                "bits": cell.bits,
                "engine": backends[cell.quantizer, cell.bits].capability.versions(),
            }
        )
        for cell in plan.cells()
    }
    missing = _agree(processes, store, fingerprints)
    mine = [cell for _, cell in processes.share(missing)]

    def run() -> dict[Any, Any]:
        if mine:
            bench = Workbench(load_checkpoint(model, device_map or {"": processes.device}), seconds)
            _run_cells(mine, bench, quantizers, sets, held_out, store, fingerprints, processes)
        return {}

    processes.together(run)
    cells = {cell: store.load(cell, fingerprint) for cell, fingerprint in fingerprints.items()}
    seconds["whole"] = time.perf_counter() - started
    return Sweep(plan, cells, seconds, len(missing))


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


def _agree(processes: Processes, store: CellStore, fingerprints: Mapping[Cell, str]) -> list[Cell]:
    """The cells that are not there yet, as the first process sees them, after making sure that all run the same sweep."""

    def look() -> dict[Any, Any]:
        there = [cell for cell, fingerprint in fingerprints.items() if store.path(cell, fingerprint).exists()]
        return {processes.rank: (list(fingerprints.values()), there)}

    seen = processes.together(look)
    if any(theirs != seen[0][0] for theirs, _ in seen.values()):
        raise ProcessError(
            "The processes have different cells to run; give all of them the same plan, model, files and versions."
        )
    return [cell for cell in fingerprints if cell not in seen[0][1]]


def _run_cells(
    cells: Sequence[Cell],
    bench: Workbench,
    quantizers: Mapping[tuple[str, int], MultilingualCalibrationConfig],
    sets: Sets,
    evaluation: Evaluation,
    store: CellStore,
    fingerprints: Mapping[Cell, str],
    processes: Processes,
) -> None:
    reference = bench.score(evaluation)
    bar = tqdm(cells, desc="Sweeping", unit="cell", disable=None if processes.is_main else True)
    for cell in bar:
        bar.set_postfix_str(cell.name)
        calibration_set = sets[cell.setting, cell.seed]
        config = replace(quantizers[cell.quantizer, cell.bits], seed=cell.seed)
        store.save(cell, fingerprints[cell], bench.measure(config, calibration_set, evaluation, reference))
