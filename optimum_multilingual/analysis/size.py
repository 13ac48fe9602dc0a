"""How many tokens per language are enough: one calibration set, quantized with more and more of its rows."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..backends import Capability
from ..calibration.build import build_calibration_set
from ..calibration.calibration_set import CalibrationSet
from ..calibration.tokenization import load_tokenizer
from ..config import SIZES, MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError
from ..evaluation.evaluator import prepare_evaluation
from ..evaluation.processes import Processes
from ..model_checks import load_causal_lm_config, longest_sequence
from ..settings import require_int
from .cell_run import CellWork, given, measure_cells
from .cell_store import CellStore
from .learning_curve import LEAST_SIZES
from .row_selection import highest_kl_rows
from .row_subset import first_rows
from .size_result import Selection, SufficientSize
from .sweep_plan import Cell
from .workbench import Measured, find_calibrated_backend

# Sets of other sizes than these would not have as many tokens of every language.
EQUAL_SIZES = ("num_rows", "total_tokens", "tokens_per_language")

# Of so many candidates for each row, the ones with the highest KL are taken.
CANDIDATES = 4


def find_sufficient_size(
    model: str | Path,
    config: MultilingualCalibrationConfig,
    output: str | Path | None = None,
    sizes: Sequence[int] = (),
    tolerance: float = 0.02,
    select: bool = False,
    device_map: Any = None,
) -> SufficientSize:
    """Finds from how many tokens per language on more calibration text buys next to nothing.

        >>> config = MultilingualCalibrationConfig("gptq", bits=3, languages=["en", "sw", "hi"], num_rows=192, corpus="texts/")
        >>> found = find_sufficient_size("path/or/name", config, "size/")
        >>> print(found)                        # KL by language and size, where each flattens, and a paragraph in plain words
        >>> found.save("size/")                 # tables, KL of every document, pictures

    One set is built for each of `config.seeds`. A copy of the model is quantized with its first rows, at each size, and every
    language's KL to the reference is measured on held-out text. Through the sizes goes a power law with a floor; enough is
    where it gains less than `tolerance` by one more doubling. Where noise or the end of the sizes hide that, it says so.

    Cells are resumed and shared by processes as in `sweep_settings`.

    Args:
        model: name or folder of the dense model.
        config: method by name, languages, corpus, seed and seeds; its size is the largest set, unless sizes are given.
        output: folder that keeps every cell, new or of an earlier run; None keeps none.
        sizes: tokens of each language, rounded up to whole rows, at least four; none for halves of the largest.
        tolerance: part of KL that a doubling must gain to be worth its text, above 0 and below 0.5.
        select: at about a quarter of the largest size, also take the rows with the highest KL, and compare.
        device_map: as in `from_pretrained`, one device.

    Raises:
        ConfigError: shares or a size that give languages unlike many tokens, a set that is built already, fewer than four
            sizes, no evaluation, or a method that reads no text.
        CorpusError: text is missing in a language, or too little.
        CheckpointError: the folder holds something else, cannot be written, or a cell in it is damaged.
        ProcessError: another process failed.
    """
    started = time.perf_counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    _check(config, sizes, tolerance)
    backend = find_calibrated_backend(config)
    if output is None and Processes.current().count > 1:
        raise ConfigError("Several processes share the cells of a study through a folder; give output.")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory()) if output is None else output
        store = CellStore(Path(folder))
        store.prepare()
        upstream = load_causal_lm_config(model)
        tokenizer, longest = load_tokenizer(config.tokenizer, str(model)), longest_sequence(upstream)
        config = replace(config, corpus=open_corpus(config.corpus, config.text_column, config.language_column))
        sets = _build_sets(config, sizes, tokenizer, longest)
        length = sets[0].manifest.sequence_length
        rows = _rows_of_sizes(sets, sizes, length)
        manifests = [each.manifest for each in sets]
        held_out = prepare_evaluation(config, config.resolved_languages, tokenizer, longest, length, manifests)
        seconds["sets"] = time.perf_counter() - started
        chosen = min(rows, key=lambda count: abs(count - rows[-1] / CANDIDATES)) if select else None
        work = _work_of(config, backend.capability, sets, rows, chosen)
        measured, computed = measure_cells(model, upstream, work, held_out, store, device_map, seconds)
    seconds["whole"] = time.perf_counter() - started
    by_setting: defaultdict[str, list[Measured]] = defaultdict(list)
    for cell, of_it in measured.items():
        by_setting[cell.setting].append(of_it)
    name = f"{backend.capability.method} at {backend.capability.bits_of(config)} bits"
    selection = None if chosen is None else Selection(chosen, rows[-1], by_setting[_highest(chosen)])
    cells = {count: by_setting[_first(count)] for count in rows}
    return SufficientSize(name, length, tolerance, cells, selection, seconds, computed)


def _check(config: MultilingualCalibrationConfig, sizes: Sequence[int], tolerance: float) -> None:
    if not isinstance(config.method, str):
        raise ConfigError(
            "The cells of a study are named after the method; give its name, such as 'gptq', and options."
        )
    if config.mixture != "uniform" or config.calibration_set is not None:
        raise ConfigError(
            "The study asks for as many tokens of every language and builds the set; leave mixture and calibration_set out."
        )
    if config.evaluation is None or config.evaluation.languages or config.evaluation.tasks:
        raise ConfigError(
            "The languages of the set are measured, on text; give an evaluation without languages or tasks of its own."
        )
    given_sizes = [name for name in SIZES if getattr(config, name) is not None]
    if sizes and given_sizes:
        raise ConfigError(f"sizes and {given_sizes[0]} both say how large the largest set is; give one of them.")
    if set(given_sizes) - set(EQUAL_SIZES):
        raise ConfigError(
            f"{given_sizes[0]} gives languages unlike many tokens; give one of {', '.join(EQUAL_SIZES)}, or sizes."
        )
    for size in sizes:
        require_int("sizes", size, 1)
    if not 0 < tolerance < 0.5:
        raise ConfigError(f"tolerance must be a part above 0 and below 0.5, got {tolerance!r}; 0.02 is two percent.")


def _build_sets(
    config: MultilingualCalibrationConfig, sizes: Sequence[int], tokenizer: Any, max_length: int | None
) -> list[CalibrationSet]:
    """The largest set, drawn with every seed; all others are its beginnings."""
    if sizes:
        config = replace(config, tokens_per_language=max(sizes))
    seeds = range(config.seed, config.seed + config.seeds)
    bar = tqdm(seeds, desc="Building calibration sets", unit="set", disable=None)
    return [build_calibration_set(replace(config, seed=seed, seeds=1), tokenizer, max_length) for seed in bar]


def _rows_of_sizes(sets: Sequence[CalibrationSet], sizes: Sequence[int], length: int) -> list[int]:
    """Rows of each language at each size, rising."""
    largest = min(sets[0].rows_of_languages().values())
    if sizes:
        rows = sorted({-(-size // length) for size in sizes})
    else:
        rows = [largest]
        while rows[0] > 1:
            rows.insert(0, rows[0] // 2)
    if len(rows) < LEAST_SIZES:
        raise ConfigError(
            f"A curve needs at least {LEAST_SIZES} sizes, and rows of {length} tokens allow {len(rows)} up to {largest} rows of "
            f"a language; give more text for each language (num_rows, sizes), or a smaller sequence_length."
        )
    return rows


def _first(count: int) -> str:
    return f"rows{count}"


def _highest(count: int) -> str:
    return f"rows{count}-highest-kl"


def _work_of(
    config: MultilingualCalibrationConfig,
    capability: Capability,
    sets: Sequence[CalibrationSet],
    rows: Sequence[int],
    chosen: int | None,
) -> dict[Cell, CellWork]:
    bits = capability.bits_of(config)
    names = ("method", "engine", "group_size", "method_options")
    said = {**{name: getattr(config, name) for name in names}, "method_options": dict(config.method_options)}
    shared = {"quantizer": said, "bits": bits, "engine": capability.versions()}
    work = {}
    for count in rows:
        for whole in sets:
            cell = Cell(_first(count), capability.method, bits, whole.manifest.seed)
            part = first_rows(whole, count)
            how = replace(config, seed=whole.manifest.seed)
            work[cell] = CellWork(how, given(part), {**shared, "set": part.fingerprint})
            if count == chosen:
                candidates = first_rows(whole, rows[-1])
                decided_by = {**shared, "set": candidates.fingerprint, "highest_kl": count}
                choose = partial(highest_kl_rows, config=how, candidates=candidates, count=count)
                work[replace(cell, setting=_highest(count))] = CellWork(how, choose, decided_by)
    return work
