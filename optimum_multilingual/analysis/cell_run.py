"""Runs the cells of a study that are not there yet, against a reference that is scored once, and reads the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..calibration.build import recorded_versions
from ..calibration.calibration_set import CalibrationSet
from ..comparison import load_checkpoint
from ..config import MultilingualCalibrationConfig
from ..errors import ProcessError
from ..evaluation.evaluator import Evaluation, digest_of
from ..evaluation.processes import Processes
from .cell_store import CellStore, describe_device, describe_weights, fingerprint_of_values
from .sweep_plan import Cell
from .workbench import Measured, Workbench


@dataclass(frozen=True)
class CellWork:
    """How one cell comes to be.

    Args:
        config: of the quantizer.
        make_set: makes the calibration set; it gets the bench, since rows may be chosen by what quantizing does to them.
        decided_by: JSON values of all that decides the numbers beside model, text and versions.
    """

    config: MultilingualCalibrationConfig
    make_set: Callable[[Workbench], CalibrationSet]
    decided_by: Mapping[str, Any]


def given(calibration_set: CalibrationSet) -> Callable[[Workbench], CalibrationSet]:
    """What makes a set that is there already."""
    return lambda bench: calibration_set


def measure_cells(
    model: str | Path,
    upstream: Any,
    work: Mapping[Cell, CellWork],
    evaluation: Evaluation,
    store: CellStore,
    device_map: Any,
    seconds: defaultdict[str, float],
) -> tuple[dict[Cell, Measured], int]:
    """Measures every cell once; under `accelerate launch` or `torchrun` every process takes its share.

    Args:
        model: name or folder of the dense model.
        upstream: its config.
        work: every cell, in the order they are run.
        evaluation: the text.
        store: where cells are kept; the processes share it.
        device_map: as in `from_pretrained`, one device.
        seconds: the phases of `Workbench` are added.

    Returns:
        All cells in order, and how many of them were not there before.

    Raises:
        CheckpointError: a cell cannot be written, or one that is there is damaged.
        ProcessError: another process failed, or has other cells.
    """
    processes = Processes.current()
    common = {
        "weights": describe_weights(str(model), getattr(upstream, "_commit_hash", None)),
        "device": describe_device(processes.device if device_map is None else device_map),
        "text": digest_of(evaluation),
        "evaluation": {**evaluation.settings.to_dict(), "corpus": evaluation.corpus},
        "versions": recorded_versions(),
    }
    fingerprints = {cell: fingerprint_of_values({**common, **how.decided_by}) for cell, how in work.items()}
    missing = _agree(processes, store, fingerprints)
    mine = [cell for _, cell in processes.share(missing)]

    def run() -> dict[Any, Any]:
        if not mine:
            return {}
        bench = Workbench(load_checkpoint(model, device_map), seconds)
        reference = bench.score(evaluation)
        bar = tqdm(mine, desc="Measuring cells", unit="cell", disable=None if processes.is_main else True)
        for cell in bar:
            bar.set_postfix_str(cell.name)
            measured = bench.measure(work[cell].config, work[cell].make_set(bench), evaluation, reference)
            store.save(cell, fingerprints[cell], measured)
        return {}

    processes.together(run)
    return {cell: store.load(cell, fingerprint) for cell, fingerprint in fingerprints.items()}, len(missing)


def _agree(processes: Processes, store: CellStore, fingerprints: Mapping[Cell, str]) -> list[Cell]:
    """The cells that are not there yet, as the first process sees them, after making sure that all run the same study."""

    def look() -> dict[Any, Any]:
        there = [cell for cell, fingerprint in fingerprints.items() if store.path(cell, fingerprint).exists()]
        return {processes.rank: (list(fingerprints.values()), there)}

    seen = processes.together(look)
    if any(theirs != seen[0][0] for theirs, _ in seen.values()):
        raise ProcessError(
            "The processes have different cells to run; give all of them the same plan, model, files and versions."
        )
    return [cell for cell in fingerprints if cell not in seen[0][1]]
