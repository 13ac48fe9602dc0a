"""GPTQ with languages weighed by tokens, as it is, and by energy: each language's second moment scaled to the same trace.

    python benchmarks/energy.py --model FOLDER --corpora FOLDER [--bits 3 4] [--seeds 0 1 2]

    tokens   H = sum over languages of X_l' X_l
    energy   H = sum over languages of X_l' X_l * t / t_l       t_l = trace(X_l' X_l) / tokens of l, t = the same of all

for the inputs X_l of every linear layer, so that the trace of all stays what it was. A uniform mixture, text and languages
as in benchmarks/minimax.py. Both ways run the rows one by one and add the same moments. Printed are the spread of t_l over
languages, worst and mean KL of both, and the change from tokens to energy with its interval, and of each seed.
"""

import argparse
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from minimax import LANGUAGES, articles, in_float32, table, untrained
from transformers import AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.analysis.workbench import Workbench
from optimum_multilingual.backends import row_batches
from optimum_multilingual.comparison import load_checkpoint
from optimum_multilingual.evaluation.evaluator import prepare_evaluation

WAYS = ("tokens", "energy")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--bits", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=12_288)
    args = parser.parse_args()
    config = MultilingualCalibrationConfig(
        "gptq",
        group_size=64,
        languages=LANGUAGES,
        corpus={language: untrained(args.corpora, language) for language in LANGUAGES},
        num_rows=args.rows,
        sequence_length=args.length,
        evaluation=EvaluationConfig(
            corpus={language: articles(args.corpora, language, 1) for language in LANGUAGES},
            tokens_per_language=args.tokens,
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        model = in_float32(args.model, Path(folder) / args.model.name)
        tokenizer = AutoTokenizer.from_pretrained(model)
        sets = [build_calibration_set(replace(config, seed=seed), tokenizer) for seed in args.seeds]
        evaluation = prepare_evaluation(
            config, config.resolved_languages, tokenizer, None, args.length, [each.manifest for each in sets]
        )
        bench = Workbench(load_checkpoint(model, {"": "cpu"}))
        reference = bench.score(evaluation)
        for bits in args.bits:
            compare(bench, replace(config, bits=bits), sets, evaluation, reference)


def compare(bench, config, sets, evaluation, reference):
    sums, spreads = defaultdict(list), []
    for calibration_set in sets:
        for way in WAYS:
            with weighed(way, calibration_set, spreads):
                sums[way].append(bench.measure(config, calibration_set, evaluation, reference).documents)
    settings = config.evaluation
    losses = Losses.of(sums, "kl", settings.bootstrap_draws, settings.confidence, settings.seed)
    of_seeds = [
        Losses.of({way: [sums[way][place]] for way in WAYS}, "kl", 100, 0.95, 0).values for place in range(len(sets))
    ]
    print(f"# {config.bits} bits\n")
    print(f"largest over smallest t_l of a layer: median {np.median(spreads):.2f}, largest {max(spreads):.2f}")
    for name, pool in {"worst": np.max, "mean": np.mean}.items():
        alone = ", ".join(f"{after / before - 1:+.1%}" for before, after in (pool(each, axis=-1) for each in of_seeds))
        print(f"tokens -> energy, {name}, seed by seed: {alone}")
    print(f"\n{table(losses, 'tokens')}\n", flush=True)


@contextmanager
def weighed(way, calibration_set, spreads):
    """Around the quantizing of Optimum: a layer's second moment is summed for each language, then over languages."""
    from optimum.gptq import quantizer as optimum_quantizer

    upstream, tokens_of_a_pass = optimum_quantizer.GPTQ, row_batches.TOKENS_OF_A_PASS

    class WeighedGPTQ(upstream):
        def __init__(self, module, qcfg=None):
            super().__init__(module, qcfg=qcfg)
            self.languages, self.moments, self.counts = iter(calibration_set), {}, defaultdict(int)

        def process_batch(self, inp):
            count, moment, device = super().process_batch(inp)
            language = next(self.languages).language
            self.counts[language] += count
            self.moments[language] = self.moments.get(language, 0) + moment
            return count, moment, device

        def materialize_global_hessian(self, target_device=None):
            if self.moments:
                self._device_hessian_partials = {self.device_of_moments(): self.added()}
                self.moments = {}
            super().materialize_global_hessian(target_device)

        def device_of_moments(self):
            (device,) = self._device_hessian_partials
            return device

        def added(self):
            traces = {language: moment.trace().item() for language, moment in self.moments.items()}
            means = {language: trace / self.counts[language] for language, trace in traces.items()}
            mean = sum(traces.values()) / sum(self.counts.values())
            spreads.append(max(means.values()) / min(means.values()))
            weights = {language: mean / of_it if way == "energy" else 1.0 for language, of_it in means.items()}
            return sum(weights[language] * moment for language, moment in self.moments.items())

    # One row at a time, each of one language.
    optimum_quantizer.GPTQ, row_batches.TOKENS_OF_A_PASS = WeighedGPTQ, 1
    try:
        yield
    finally:
        optimum_quantizer.GPTQ, row_batches.TOKENS_OF_A_PASS = upstream, tokens_of_a_pass


if __name__ == "__main__":
    main()
