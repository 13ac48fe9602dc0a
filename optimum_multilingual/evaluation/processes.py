"""One evaluation shared by the processes that `accelerate launch` started."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object, parse_flag_from_env

from ..errors import ModelError, ProcessError

Item = TypeVar("Item")

# A process that is done waits for the slowest: with large models longer than the 10 or 30 minutes after which torch gives up.
LONGEST_WAIT = timedelta(days=1)


@contextmanager
def unseen_processes() -> Iterator[None]:
    """Lets what runs inside see no process but this one.

    Every process quantizes for itself, with all rows, and in a study each another cell. Engines that see the others sum their
    statistics (llm-compressor) or average their gradients (AutoRound).
    """
    seen = torch.distributed.is_initialized
    torch.distributed.is_initialized = lambda: False
    try:
        yield
    finally:
        torch.distributed.is_initialized = seen


@dataclass(frozen=True)
class Processes:
    """The processes that work on one evaluation, and which of them this is.

        batches     0  1  2  3  4          5 batches of one size, 2 processes
        process 0   x     x     x          each batch is scored once,
        process 1      x     x             no document is repeated to fill a last one

    Args:
        rank: number of this process, from 0.
        count: how many there are; 1 without `accelerate launch` or `torchrun`.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def current(cls) -> Processes:
        """Those that were launched together; joins them if nobody did so before."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1 and not torch.distributed.is_initialized():
            return cls()
        # Left to itself, accelerate takes processes without accelerators for unrelated ones.
        cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available()
        state = PartialState(cpu=cpu, timeout=LONGEST_WAIT)
        return cls(state.process_index, state.num_processes)

    @property
    def device(self) -> Any:
        """Where this process's model belongs unless the user says otherwise: an accelerator of its own, or the CPU."""
        device = PartialState().device if self.count > 1 else torch.device("cpu")
        return "cpu" if device.type == "cpu" else device

    @property
    def is_main(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def share(self, items: Iterable[Item], size: Callable[[Item], int] = lambda item: 1) -> list[tuple[int, Item]]:
        """This process's part of what all have to do, with the place of each item, in order.

        The largest are given out first, each to the process that has least so far.

        Args:
            items: the same in all processes.
            size: how much work one is.

        Source: R. Graham, "Bounds on multiprocessing timing anomalies" (1969), longest processing time first.
        """
        loads, mine = [0] * self.count, []
        for place, item in sorted(enumerate(items), key=lambda numbered: -size(numbered[1])):
            rank = loads.index(min(loads))
            loads[rank] += size(item)
            if rank == self.rank:
                mine.append((place, item))
        return sorted(mine, key=lambda numbered: numbered[0])

    def together(self, work: Callable[[], Mapping[Any, Any]]) -> dict[Any, Any]:
        """Does this process's part, waits for the others, and gives every process what all of them made.

        Args:
            work: gives a mapping whose keys no other process has.

        Raises:
            ProcessError: another process failed or died; the failed one raises its own error.
        """
        if self.count == 1:
            return dict(work())
        failure: Exception | None = None
        try:
            mine = dict(work())
        except Exception as error:
            mine, failure = {}, error
        everyone = _gather((self.rank, mine, None if failure is None else f"{type(failure).__name__}: {failure}"))
        if failure is not None:
            raise failure
        failed = [f"process {rank} ({message})" for rank, _, message in everyone if message is not None]
        if failed:
            raise ProcessError(f"The evaluation stopped because of {'; '.join(failed)}. Nothing was reported.")
        return {key: value for _, part, _ in everyone for key, value in part.items()}

    def share_weights(self, model: Any) -> None:
        """Gives every process the weights of the first, since engines on accelerators do not repeat themselves bit by bit.

        Raises:
            ModelError: some weights are offloaded, where they cannot be shared.
            ProcessError: another process died.
        """
        if self.count == 1:
            return
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if tensor.device.type == "meta":
                raise ModelError(
                    f"{name} is offloaded, and offloaded weights cannot be shared among {self.count} processes; give each a "
                    "device that holds the whole model, or run one process."
                )
            with _others_alive(self.rank):
                torch.distributed.broadcast(tensor.detach(), src=0)


def _gather(mine: tuple[int, dict[Any, Any], str | None]) -> list[tuple[int, dict[Any, Any], str | None]]:
    with _others_alive(mine[0]):
        return gather_object([mine])


@contextmanager
def _others_alive(rank: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ProcessError(
            f"Process {rank} lost the others in the middle of the evaluation ({reason}); one of them died. Its own output "
            "says why: often memory, then a smaller evaluation.batch_tokens helps."
        ) from error
