"""What the one line costs beyond the engine and the forward passes.

    python benchmarks/overhead.py [--rows 128] [--length 512] [--json FILE]

Runs the one line on the small model with all thirteen languages and times its phases from the outside. "Overhead" is what
is left of the whole after loading the model, the engine's work, and the two scoring passes: checking, building the
calibration set, holding out text, the bootstrap, the report. Scoring is shown apart in the model's forward passes and the
projections and comparison behind them.
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
    timed(GPTQBackend, "quantize", "engine")
    timed(integration, "run_reference", "scoring")
    timed(integration, "run_quantized", "scoring")
    timed(evaluator, "compare_states", "  of it projections and comparison")
    timed(integration, "calibration_set_of", "  of it building the calibration set")
    timed(integration, "prepare_evaluation", "  of it holding out text")
    timed(integration, "make_report", "  of it bootstrap and report")

    config = MultilingualCalibrationConfig(
        "gptq", bits=4, languages=LANGUAGES, num_rows=args.rows, sequence_length=args.length
    )
    started = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)
    whole = time.perf_counter() - started
    overhead = whole - seconds["loading weights"] - seconds["engine"] - seconds["scoring"]

    phases = {
        "whole run": whole,
        "engine": seconds["engine"],
        "scoring": seconds["scoring"],
        "  of it projections and comparison": seconds["  of it projections and comparison"],
        "loading weights": seconds["loading weights"],
        "overhead": overhead,
        "  of it building the calibration set": seconds["  of it building the calibration set"],
        "  of it holding out text": seconds["  of it holding out text"],
        "  of it bootstrap and report": seconds["  of it bootstrap and report"],
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
