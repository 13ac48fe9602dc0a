"""Hidden states of the reference: on the accelerator and in main memory up to bounds, beyond them in memory-mapped files."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from pathlib import Path

import torch
from accelerate.utils import convert_file_size_to_int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..errors import CheckpointError
from .free_memory import free_memory

# Without a bound of the user's, this part of the memory that is free at the start.
FREE_SHARE = 0.5


class StateStore:
    """Keeps tensors by key; the first ones where they were made, then in main memory, those beyond the bounds on disk.

        >>> store = StateStore(limit="4GB", device_limit="1GB")
        >>> store.put(("swh_Latn", 0), states)          # shape [tokens, hidden]
        >>> store.get(("swh_Latn", 0))

    Files lie in the folder for temporary files (TMPDIR) and go with the store.

    Args:
        limit: bytes of main memory, as a number or as "4GB"; None for this process's part of half of what is free now.
        device_limit: bytes of the accelerator's memory for tensors that lie there.
    """

    def __init__(self, limit: int | str | None = None, device_limit: int | str = 0):
        self.limit = FREE_SHARE * free_memory() if limit is None else convert_file_size_to_int(limit)
        self.device_limit = convert_file_size_to_int(device_limit)
        self.on_device: dict[Hashable, torch.Tensor] = {}
        self.in_memory: dict[Hashable, torch.Tensor] = {}
        self.on_disk: dict[Hashable, Path] = {}
        self._used = self._used_on_device = 0
        self._folder: tempfile.TemporaryDirectory | None = None

    def put(self, key: Hashable, states: torch.Tensor) -> None:
        """Takes a tensor from whichever device; its own copy is not touched again."""
        size = states.numel() * states.element_size()
        if states.device.type != "cpu" and self._used_on_device + size <= self.device_limit:
            self.on_device[key] = states
            self._used_on_device += size
            return
        states = states.to("cpu")
        if self._used + size <= self.limit:
            self.in_memory[key] = states
            self._used += size
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="reference-states-")
        path = Path(self._folder.name) / f"{len(self.on_disk)}.safetensors"
        try:
            save_file({"states": states.contiguous()}, path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"Hidden states of the reference could not be written to {path.parent} ({error}); free some space, point TMPDIR "
                "elsewhere, or give more evaluation.reference_memory."
            ) from error
        self.on_disk[key] = path

    def get(self, key: Hashable) -> torch.Tensor:
        """The tensor of a key, where it is kept: on its accelerator or on the CPU."""
        if key in self.on_device:
            return self.on_device[key]
        if key in self.in_memory:
            return self.in_memory[key]
        with safe_open(self.on_disk[key], framework="pt") as file:
            return file.get_tensor("states")
