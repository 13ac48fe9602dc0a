"""How alike languages are inside a model, and groups of them. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def similarities(norms: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """Cosine similarity of the channels' activation norms between each two languages, mean over layer inputs.

        >>> similarities([{"layer": np.array([3.0, 4.0])}, {"layer": np.array([4.0, 3.0])}])
        array([[1.  , 0.96],
               [0.96, 1.  ]])

    Args:
        norms: of each language, name of a layer input -> norm of each channel over tokens, shape [channels].

    Source: H. Zeng et al., "Multilingual Brain Surgeon" (LREC-COLING 2024), where it says how much a language loses when another
    is calibrated on.
    """
    layers = []
    for name in norms[0]:
        of_layer = np.stack([of_it[name].astype(np.float64) for of_it in norms])
        of_layer /= np.linalg.norm(of_layer, axis=1, keepdims=True)
        layers.append(of_layer @ of_layer.T)
    return np.mean(layers, axis=0)


def clusters(similarity: np.ndarray) -> list[list[int]]:
    """Places of the languages in each group, larger groups first; fewer than three languages are one group.

    Groups are joined by the mean of 1 - similarity (average linkage). The tree is cut where the step to the next join is largest.

        >>> clusters(np.array([[1, 0.9, 0.2], [0.9, 1, 0.1], [0.2, 0.1, 1]]))
        [[0, 1], [2]]
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    count = len(similarity)
    if count < 3:
        return [list(range(count))]
    distances = squareform(1 - similarity, checks=False)
    # Rounding makes a language and its like a hair more similar than equal.
    tree = linkage(np.maximum(distances, 0), "average")
    heights = tree[:, 2]
    lower = int(np.argmax(np.diff(heights)))
    labels = fcluster(tree, (heights[lower] + heights[lower + 1]) / 2, "distance")
    groups = [[place for place in range(count) if labels[place] == label] for label in dict.fromkeys(labels)]
    return sorted(groups, key=len, reverse=True)
