"""What the one line costs beyond the engine and the forward passes.

    python benchmarks/overhead.py [--rows 128] [--length 512] [--json FILE]

Runs the one line on the small model with all thirteen languages and times its phases from the outside.

    engine           importing it, and its work on the calibration rows
    forward passes   both models over the evaluation text, up to the logits (projections in float32)
    overhead         all the rest: checking, building the calibration set, holding out text, comparing two distributions
                     for every token, the bootstrap, the report
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

from transformers import AutoModelForCausalLM, PreTrainedModel

from optimum_multilingual import MultilingualCalibrationConfig, integration
from optimum_multilingual.backends.gptq import GPTQBackend
from optimum_multilingual.evaluation import evaluator
from optimum_multilingual.evaluation.divergence import OutputHead

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]

seconds = defaultdict(float)


def timed(owner, name, phase):
    """Wraps a function so that the time spent in it is added to a phase."""
    original = getattr(owner, name)

    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            seconds[phase] += time.perf_counter() - started

    setattr(owner, name, wrapper)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--length", type=int, default=512)
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

    config = MultilingualCalibrationConfig(
        "gptq", bits=4, languages=LANGUAGES, num_rows=args.rows, sequence_length=args.length
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
        "- comparing distributions": comparison,
        "- bootstrap and report": seconds["bootstrap and report"],
    }
    tokens = sum(score.tokens for score in model.multilingual_report.scores)
    print(f"{args.rows} rows of {args.length} tokens, {len(LANGUAGES)} languages, {tokens:,} evaluation tokens\n")
    print("| phase | seconds | share |\n| :-- | --: | --: |")
    for phase, spent in phases.items():
        print(f"| {phase} | {spent:.2f} | {spent / whole:.1%} |")
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": args.rows, "length": args.length, "seconds": phases}, indent=1))


if __name__ == "__main__":
    main()
