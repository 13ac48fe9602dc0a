"""What a run will hold in memory at once: told before work starts, and refused where it cannot fit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .errors import ModelError
from .evaluation.evaluator import Evaluation
from .evaluation.free_memory import free_memory
from .evaluation.processes import Processes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that a run cannot do without, and what it keeps beside.

        >>> plan = MemoryPlan.of(model, 1_048_576, evaluation)     # the model may still be on the meta device
        >>> print(plan)
        weights 16.1 GB, hidden states of 1,048,576 calibration tokens 17.2 GB, of 2,000,000 evaluation tokens 16.4 GB
        >>> plan.require_room({"": "cuda:0"})

    What an engine needs for a moment beside (a Hessian, a layer's activations) is not counted: it depends on the engine, and a
    run is refused only where it surely cannot fit.

    Args:
        weights: of the model.
        copies: models held beside it.
        rows: hidden states of the calibration rows that the engine keeps on the model's device.
        states: hidden states of the reference, which go to disk beyond `EvaluationConfig.reference_memory`.
        calibration_tokens, evaluation_tokens: their numbers.
    """

    weights: int
    copies: int
    rows: int
    states: int
    calibration_tokens: int
    evaluation_tokens: int

    @classmethod
    def of(
        cls,
        model: Any,
        calibration_tokens: int,
        evaluation: Evaluation | None,
        copies: int = 0,
        rows_held: int = 0,
    ) -> MemoryPlan:
        """The plan of a run.

        Args:
            model: the dense model, its weights loaded or not.
            calibration_tokens: that it is quantized with; 0 for a method that reads nothing.
            evaluation: what it is measured on; None for no measuring.
            copies: models held beside it, as for other draws and for a search of shares.
            rows_held: how many times the engine keeps the hidden states of all rows on the model's device.
        """
        tied = set(model.all_tied_weights_keys)
        named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        tensors = [tensor for name, tensor in named.items() if name not in tied]
        of_a_token = model.config.get_text_config().hidden_size * model.dtype.itemsize
        windows = [] if evaluation is None else [window for of_it in evaluation.windows.values() for window in of_it]
        scored = sum(len(window.targets) for window in windows)
        return cls(
            weights=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
            copies=copies,
            rows=rows_held * calibration_tokens * of_a_token,
            states=scored * of_a_token,
            calibration_tokens=calibration_tokens,
            evaluation_tokens=scored,
        )

    @property
    def needed(self) -> int:
        """Bytes that have to be there at once, without the states, which can go to disk."""
        return self.weights * (1 + self.copies) + self.rows

    def require_room(self, device_map: Any) -> None:
        """Tells the plan (at log level INFO), and refuses a run that one device has no room for.

        A model spread over several devices is placed by accelerate, which asks for their free memory itself.

        Processes of one machine look at what is free before any of them loads its model, and stop together.

        Args:
            device_map: as `from_pretrained` settled it, or the name of a way to spread, such as "auto".

        Raises:
            ModelError: what is needed, what is free, and what to do.
            ProcessError: another process has no room.
        """
        place, processes = _only_place(device_map), Processes.current()

        def look() -> dict[Any, Any]:
            free = None if place is None else _free(place)
            if processes.is_main:
                room = "" if free is None else f"; {_size(free)} free on {place}"
                logger.info("In memory at once: %s%s.", self, room)
            if free is not None and self.needed > free:
                raise ModelError(
                    f"The run needs more than {_size(self.needed)} on {place} ({self}), and {_size(free)} are free. Give fewer "
                    "or shorter rows (num_rows, sequence_length), a smaller dtype, seeds=1, or device_map='auto' over more "
                    "devices."
                )
            return {}

        processes.together(look)

    def __str__(self) -> str:
        weights = "weights" if not self.copies else f"weights of {1 + self.copies} models"
        parts = [f"{weights} {_size(self.weights * (1 + self.copies))}"]
        if self.rows:
            parts.append(f"hidden states of {self.calibration_tokens:,} calibration tokens {_size(self.rows)}")
        if self.states:
            parts.append(f"of {self.evaluation_tokens:,} evaluation tokens {_size(self.states)}")
        return ", ".join(parts)


def _only_place(device_map: Any) -> torch.device | None:
    """The device of a model that lies on one; None for one that is spread, and for a device that is not there."""
    places = set(device_map.values()) if isinstance(device_map, Mapping) else set()
    if len(places) != 1 or (isinstance(place := places.pop(), int) and not torch.accelerator.is_available()):
        return None
    return torch.device(place)


def _free(place: torch.device) -> float | None:
    """Bytes free on a device, for this one of the processes that share it; None where nobody knows."""
    if place.type == "cpu":
        return free_memory()
    if place.type == "cuda":
        # What the allocator keeps of an earlier model is free too.
        kept = torch.cuda.memory_reserved(place) - torch.cuda.memory_allocated(place)
        return torch.cuda.mem_get_info(place)[0] + kept
    return None


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
