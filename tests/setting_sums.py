"""Sums of documents of one setting of a sweep, made up."""

import numpy as np

from optimum_multilingual.report.pooling import Column


def sums(kl_of_seeds, languages=("eng_Latn", "swh_Latn"), documents=30, spread=0.5, seed=0):
    """Sums of documents whose difficulty is the same in every setting; KL in each language as given, for each seed."""
    difficulty = np.random.default_rng(seed).lognormal(0, spread, documents)
    result = []
    for values in kl_of_seeds:
        of_seed = {}
        for tag, value in zip(languages, values):
            columns = np.zeros((documents, len(Column)))
            columns[:, Column.TOKENS] = 100
            columns[:, Column.KL] = 100 * value * difficulty
            columns[:, Column.QUANTIZED] = columns[:, Column.KL] + 300
            of_seed[tag] = columns
        result.append(of_seed)
    return result
