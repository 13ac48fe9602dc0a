"""The rows of a calibration set as engines take them untouched."""

from __future__ import annotations

from typing import Any

from ..calibration.calibration_set import CalibrationSet


def batches_of(calibration_set: CalibrationSet) -> Any:
    """Ready batches of one row each, in order: nothing for an engine to tokenize, shuffle, drop, pad or cut.

        [{"input_ids": [1, N], "attention_mask": [1, N]}, ...] as a DataLoader, which draws nothing from the shared generator

    Args:
        calibration_set: its rows, in the order they are to be seen.
    """
    import torch
    from torch.utils.data import DataLoader

    rows = [torch.from_numpy(row.input_ids).long() for row in calibration_set]
    examples: Any = [{"input_ids": row, "attention_mask": torch.ones_like(row)} for row in rows]
    return DataLoader(examples, batch_size=1, generator=torch.Generator())
