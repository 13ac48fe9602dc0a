"""How long and how hard an adapter is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ConfigError
from ..settings import require_int


@dataclass(frozen=True)
class RecoveryConfig:
    """How a recovery adapter is trained; the defaults are those of QLoRA but for its length.

        >>> RecoveryConfig(steps=200, rank=16)

    Args:
        steps: of the optimizer; each takes the next rows of the calibration set, from its start again after its end.
        rows_per_step: calibration rows in one step. They run one after the other, so more cost time and no memory.
        learning_rate: of AdamW, constant.
        rank: of each low-rank update.
        alpha: updates are scaled by alpha / rank.
        seed: of the adapter's first weights.

    Raises:
        ConfigError: a value that cannot work.

    Source: Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs" (2023), appendix B: rank 64, alpha 16,
    learning rate 2e-4 up to 13B, 16 rows a step, gradients clipped at 0.3, adapters on all linear layers.
    """

    steps: int = 100
    rows_per_step: int = 16
    learning_rate: float = 2e-4
    rank: int = 64
    alpha: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "rows_per_step", "rank", "alpha"):
            require_int(name, getattr(self, name), 1)
        require_int("seed", self.seed, 0)
        if not (isinstance(self.learning_rate, int | float) and 0 < self.learning_rate < math.inf):
            raise ConfigError(f"learning_rate must be a number above 0, such as 2e-4, got {self.learning_rate!r}.")
