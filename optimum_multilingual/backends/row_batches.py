"""The rows of a calibration set as engines take them untouched."""

from __future__ import annotations

from typing import Any

from ..calibration.calibration_set import CalibrationSet

# Rows are run together up to this many tokens, as many as one row has by default: shorter ones leave a processor idle.
TOKENS_OF_A_PASS = 2048


def rows_of_a_pass(calibration_set: CalibrationSet) -> int:
    """How many rows an engine runs together, at least one."""
    return max(1, TOKENS_OF_A_PASS // calibration_set.manifest.sequence_length)


def batches_of(calibration_set: CalibrationSet, rows: int) -> list[dict[str, Any]]:
    """Ready batches, in order and with nothing for an engine to tokenize, shuffle, drop, pad or cut.

        [{"input_ids": [rows, N], "attention_mask": [rows, N]}, ...], the last of fewer rows where they do not come out even

    Args:
        calibration_set: its rows, all of one length, in the order they are to be seen.
        rows: of a batch.
    """
    import torch

    token_ids = torch.from_numpy(calibration_set.token_ids()).long()
    return [{"input_ids": batch, "attention_mask": torch.ones_like(batch)} for batch in token_ids.split(rows)]


def loader_of(calibration_set: CalibrationSet, rows: int) -> Any:
    """The same batches as a DataLoader, which draws nothing from the shared generator."""
    import torch
    from torch.utils.data import DataLoader

    batches: Any = batches_of(calibration_set, rows)
    return DataLoader(batches, batch_size=None, generator=torch.Generator())
