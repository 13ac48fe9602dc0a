"""Cells of a study on disk: each is written whole or not at all, and known by all that decides its numbers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError
from ..model_checks import PLACEMENTS
from ..report.multilingual_report import MultilingualReport
from ..report.plain_values import to_plain
from .sweep_plan import Cell
from .workbench import Measured

CELLS_FOLDER = "cells"


@dataclass(frozen=True)
class CellStore:
    """The cells in the folder of a study.

        sweep/cells/multi10.gptq.4bit.seed0-3f1c9a02d7b4.json     cell and fingerprint; a changed setting is another file

    Args:
        folder: of the study.
    """

    folder: Path

    def prepare(self) -> None:
        """Makes the folder.

        Raises:
            CheckpointError: it holds something that is no study, or cannot be written.
        """
        cells = self.folder / CELLS_FOLDER
        if self.folder.is_file() or (self.folder.is_dir() and any(self.folder.iterdir()) and not cells.is_dir()):
            raise CheckpointError(f"{self.folder} holds something that is no study; give a new folder.")
        try:
            cells.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"{self.folder} cannot be made ({error}); give another folder.") from error

    def path(self, cell: Cell, fingerprint: str) -> Path:
        """Where a cell with this fingerprint lies, or would."""
        return self.folder / CELLS_FOLDER / f"{cell.name}-{fingerprint[:12]}.json"

    def save(self, cell: Cell, fingerprint: str, measured: Measured) -> None:
        """Writes a cell aside and renames it, so that a crash leaves the file whole or absent.

        Raises:
            CheckpointError: it cannot be written.
        """
        path = self.path(cell, fingerprint)
        aside = path.with_suffix(f".partial-{os.getpid()}")
        sums = {tag: to_plain(of_it.tolist()) for tag, of_it in measured.documents.items()}
        values = {
            "cell": asdict(cell),
            "fingerprint": fingerprint,
            "report": measured.report.to_dict(),
            "documents": sums,
        }
        try:
            aside.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
            os.replace(aside, path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise CheckpointError(
                f"{path} cannot be written ({error}); the cells before it are kept. Free some space and run the same study."
            ) from error

    def load(self, cell: Cell, fingerprint: str) -> Measured:
        """Reads a cell back.

        Raises:
            CheckpointError: the file is damaged, or not of this fingerprint.
        """
        path = self.path(cell, fingerprint)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["fingerprint"] != fingerprint or values["cell"] != asdict(cell):
                raise ValueError("it is another cell")
            report = MultilingualReport.from_dict(values["report"])
            sums = {tag: np.array(of_it, dtype=np.float64) for tag, of_it in values["documents"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} is no whole cell ({error}); remove it and run the study again.") from error
        return Measured(report, sums)


def fingerprint_of_values(values: Mapping[str, Any]) -> str:
    """SHA-256 of JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def describe_weights(name: str, commit: str | None) -> dict[str, Any]:
    """What tells a model's weights from others without reading them: the commit, or the files of a local folder.

    A copy of the same files counts as another model, which costs a cell and never reuses a wrong one.
    """
    folder = Path(name)
    if not folder.is_dir():
        return {"name": name, "commit": commit}
    files = sorted(path for path in folder.iterdir() if path.suffix in {".safetensors", ".bin", ".json"})
    return {"files": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]}


def describe_device(device_map: Any) -> str:
    """The type of the device that a map for `from_pretrained` means, since devices round differently.

    >>> describe_device({"": "cuda:1"})
    'cuda'
    """
    places = device_map.values() if isinstance(device_map, Mapping) else [device_map]
    return "+".join(sorted({_type_of(place) for place in places}))


def _type_of(place: Any) -> str:
    # A number is one of the accelerators; "auto" and its like take them where there are any.
    if isinstance(place, int) or place in PLACEMENTS:
        return (torch.accelerator.current_accelerator() or torch.device("cpu")).type
    return torch.device(place).type
