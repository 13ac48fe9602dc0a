"""Proof that all weights of a model were in its checkpoint: Transformers gives others random values, and only warns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from transformers.utils import cached_file

from .errors import ModelError

# Beside the weights that optimum-quanto saves, which AutoModelForCausalLM does not find by their names.
QUANTO_FILE = "quanto_qmap.json"


def require_all_weights(name: str, absent: Iterable[Any]) -> None:
    """Refuses a model that has weights which were not in its checkpoint.

    Args:
        name: or folder of the checkpoint.
        absent: what Transformers says is missing, or of another shape.

    Raises:
        ModelError: there are some.
    """
    names = sorted(map(str, absent))
    if not names:
        return
    advice = "Repair the checkpoint."
    if cached_file(name, QUANTO_FILE, _raise_exceptions_for_missing_entries=False) is not None:
        advice = (
            "It was saved by optimum-quanto, whose own class loads it (QuantizedModelForCausalLM); its report was written when "
            "it was quantized."
        )
    raise ModelError(
        f"{name} lacks {len(names)} weights of its architecture, or has them in another shape ({', '.join(names[:3])}); "
        f"it would be measured with random ones. {advice}"
    )


class LoadingWatch:
    """Learns which weights of a model were not in its checkpoint, while `from_pretrained` loads it.

        watch = LoadingWatch(model)         # before the weights load
        watch.require_all_weights(name)     # after

    A quantizer is told nothing of them, so the step is watched in which Transformers settles what is missing.

    Args:
        model: without weights yet.
    """

    def __init__(self, model: Any):
        self.absent: list[Any] | None = None
        settle = model._adjust_missing_and_unexpected_keys

        def settle_and_tell(loaded: Any) -> None:
            del model._adjust_missing_and_unexpected_keys
            settle(loaded)
            self.absent = [*loaded.missing_keys, *loaded.mismatched_keys]

        model._adjust_missing_and_unexpected_keys = settle_and_tell

    def require_all_weights(self, name: str) -> None:
        """Refuses what `require_all_weights` does.

        Raises:
            ModelError: weights are missing.
        """
        assert self.absent is not None, "Transformers loads weights in another way than is known here"
        require_all_weights(name, self.absent)
