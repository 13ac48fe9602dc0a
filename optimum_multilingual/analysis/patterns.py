"""Pictures of what a layer receives: tokens down, channels across, pooled so that outliers stay in sight."""

from __future__ import annotations

import numpy as np
import torch

# As in Paglieri et al. (2024): the largest of 32 x 32 values stands for all of them, and so does the smallest.
KERNEL = 32

# The first tokens of a text that a pattern shows.
PATTERN_TOKENS = 1024


def pooled_pattern(values: torch.Tensor) -> np.ndarray:
    """Smallest and largest value of each square of tokens and channels.

        [tokens, channels] -> [2, tokens / 32, channels / 32]

    The last square of a row or column may be smaller, and tokens beyond the first 1024 are left out.
    """
    shown = values[:PATTERN_TOKENS][None]

    def largest(of_these: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(of_these, KERNEL, ceil_mode=True)[0]

    return torch.stack([-largest(-shown), largest(shown)]).cpu().numpy()


def signed_extremes(pattern: np.ndarray) -> np.ndarray:
    """Of smallest and largest the one that is farther from zero, shape [2, rows, columns] -> [rows, columns].

    >>> signed_extremes(np.array([[[-5.0]], [[2.0]]]))
    array([[-5.]])
    """
    smallest, largest = pattern
    return np.where(-smallest > largest, smallest, largest)
