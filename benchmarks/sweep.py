"""What a sweep costs beyond its quantizations and evaluations, and what copying the model costs against loading it again.

    python benchmarks/sweep.py [--model FOLDER] [--settings 8] [--methods gptq awq] [--rows 26] [--length 128] [--tokens 2000]

Runs a sweep of the eight settings of "Calibrating Beyond English" as far as the embedded corpus has their languages, by two
quantizers to 4 bits, measured in ten languages, then loads the model as often as it was copied. The target of the ratio is 1.1.
"""

import argparse
import tempfile
import time
from pathlib import Path

from optimum_multilingual import EvaluationConfig, SweepPlan, sweep_settings
from optimum_multilingual.comparison import load_checkpoint

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]
MIXES = {
    "multi": ["en", "fr", "sw", "zh", "xh"],
    "multi13": LANGUAGES,
    "latin": ["en", "fr", "es", "de", "sw", "xh", "yo"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--settings", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=["gptq", "awq"])
    parser.add_argument("--rows", type=int, default=26)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=2000)
    args = parser.parse_args()
    single = {language: [language] for language in ("en", "fr", "sw", "zh", "xh")}
    settings = dict(list({**single, **MIXES}.items())[: args.settings])
    size = {"num_rows": args.rows, "sequence_length": args.length}
    plan = SweepPlan(
        settings={name: {"languages": languages, **size} for name, languages in settings.items()},
        quantizers={method: {"method": method, "group_size": 64} for method in args.methods},
        bits=[4],
        languages=LANGUAGES[:10],
    )
    evaluation = EvaluationConfig(tokens_per_language=args.tokens)
    with tempfile.TemporaryDirectory() as folder:
        result = sweep_settings(args.model, plan, folder, evaluation=evaluation)
    print(result)
    started = time.perf_counter()
    for _ in result.cells:
        load_checkpoint(args.model, None)
    print(
        f"\n{len(result.cells)} copies in memory: {result.seconds['copying']:.2f} s; loading as often: "
        f"{time.perf_counter() - started:.2f} s"
    )


if __name__ == "__main__":
    main()
