"""What the one line costs beyond the engine and the forward passes.

    python benchmarks/overhead.py [--rows 128] [--length 512] [--corpora FOLDER] [--tokens 12000] [--stock] [--json FILE]

Runs the one line on the small model with all thirteen languages and times its phases from the outside. Text is that of the
embedded corpus, some 3,000 tokens a language to measure on, or text/<language>.jsonl.gz of a folder. --stock times
GPTQConfig(dataset=the same rows) too, which measures nothing.

    engine           importing it, and its work on the calibration rows
    forward passes   both models over the evaluation text, up to the logits (projections in float32)
    overhead         all the rest: checking, building the calibration set, holding out text, comparing two distributions
                     for every token, the bootstrap, the report

Below stands what the run said before it did anything long: about how long it would take at the least.
"""

import argparse
import json
import logging
import time
from collections import defaultdict
from pathlib import Path

from gptq_speed import stock
from minimax import LANGUAGES, texts
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    build_calibration_set,
    integration,
)
from optimum_multilingual.backends.gptq import GPTQBackend
from optimum_multilingual.evaluation import evaluator
from optimum_multilingual.evaluation.divergence import OutputHead

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"

seconds, told = defaultdict(float), []


def timed(owner, name, phase, results=None):
    """Wraps a function so that the time spent in it is added to a phase, and what it returns to a list."""
    original = getattr(owner, name)

    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            result = original(*args, **kwargs)
            if results is not None:
                results.append(result)
            return result
        finally:
            seconds[phase] += time.perf_counter() - started

    setattr(owner, name, wrapper)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--corpora", type=Path)
    parser.add_argument("--tokens", type=int, default=12_000)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    timed(PreTrainedModel, "_load_pretrained_model", "loading weights")
    timed(integration, "find_backend", "importing the engine")
    timed(GPTQBackend, "quantize", "quantizing")
    timed(integration, "run_reference", "scoring")
    timed(integration, "run_quantized", "scoring")
    timed(evaluator, "compare_states", "comparing")
    timed(OutputHead, "logits", "projecting")
    timed(integration, "calibration_set_of", "building the calibration set")
    timed(integration, "prepare_evaluation", "holding out text")
    timed(integration, "make_report", "bootstrap and report")

    logging.getLogger("optimum_multilingual.least_time").setLevel(logging.INFO)
    timed(integration, "tell_least_time", "telling the least time", told)
    corpus = "embedded" if args.corpora is None else {language: texts(args.corpora, language) for language in LANGUAGES}
    config = MultilingualCalibrationConfig(
        "gptq",
        bits=4,
        group_size=64,
        languages=LANGUAGES,
        corpus=corpus,
        num_rows=args.rows,
        sequence_length=args.length,
        evaluation=EvaluationConfig(tokens_per_language=args.tokens),
    )
    started = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)
    whole = time.perf_counter() - started

    engine = seconds["importing the engine"] + seconds["quantizing"]
    comparison = seconds["comparing"] - seconds["projecting"]
    forward = seconds["scoring"] - comparison
    overhead = whole - engine - forward - seconds["loading weights"]
    phases = {
        "whole run": whole,
        "engine": engine,
        "forward passes": forward,
        "loading weights": seconds["loading weights"],
        "overhead": overhead,
        "- building the calibration set": seconds["building the calibration set"],
        "- holding out text": seconds["holding out text"],
        "- telling the least time": seconds["telling the least time"],
        "- comparing distributions": comparison,
        "- bootstrap and report": seconds["bootstrap and report"],
    }
    tokens = sum(score.tokens for score in model.multilingual_report.scores)
    print(f"{args.rows} rows of {args.length} tokens, {len(LANGUAGES)} languages, {tokens:,} evaluation tokens\n")
    print("| phase | seconds | share |\n| :-- | --: | --: |")
    for phase, spent in phases.items():
        print(f"| {phase} | {spent:.2f} | {spent / whole:.1%} |")
    print(
        f"\nThe whole run is {whole / engine:.2f} times the engine alone. At the least about, it said: {told[0]:.2f} s."
    )
    if args.stock:
        rows = build_calibration_set(config, AutoTokenizer.from_pretrained(MODEL))
        started = time.perf_counter()
        stock(MODEL, rows)
        phases["GPTQConfig"] = time.perf_counter() - started
        ratio = whole / phases["GPTQConfig"]
        print(
            f"GPTQConfig takes {phases['GPTQConfig']:.2f} s and measures nothing; the whole run is {ratio:.2f} times that."
        )
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": args.rows, "length": args.length, "seconds": phases}, indent=1))


if __name__ == "__main__":
    main()
