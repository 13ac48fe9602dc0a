"""What it costs to watch activations: the study's pass, and the check inside the one line.

    python benchmarks/activations.py [--model FOLDER] [--tokens 12288] [--rows 128] [--length 512] [--repeats 5] [--json FILE]

    plain       the scorer's forward pass over the held-out text of thirteen languages, without an output projection
    ranges      the same pass, which keeps the smallest and largest value of every channel, as the check does
    study       the same pass, which keeps the moments, ranges and outliers of every channel, as `measure_activations` does

The three take turns on the same batches; a ratio is the median over repeats of the time over that of the plain pass beside it.
The time is the processor's, which other programs on the machine lengthen less than the clock's.
Then the one line calibrates on all languages but Yoruba and measures all, by GPTQ at 4 bits, and the parts of the check are
timed in it. The model is taken in float32, in which a CPU is many times as fast as in bfloat16.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, integration
from optimum_multilingual.analysis.activations import outlier_thresholds
from optimum_multilingual.analysis.moments import measure_moments
from optimum_multilingual.calibration.asked_set import calibration_set_of
from optimum_multilingual.evaluation.activation_ranges import range_counter
from optimum_multilingual.evaluation.evaluator import prepare_evaluation
from optimum_multilingual.evaluation.layer_inputs import InputSummaries, find_layer_inputs
from optimum_multilingual.evaluation.scoring import Scorer, make_batches
from optimum_multilingual.report import preflight

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]

seconds = defaultdict(float)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--tokens", type=int, default=12_288)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    config = MultilingualCalibrationConfig(
        "gptq",
        languages=[language for language in LANGUAGES if language != "yo"],
        num_rows=args.rows,
        sequence_length=args.length,
        evaluation=EvaluationConfig(languages=LANGUAGES, tokens_per_language=args.tokens),
    )
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_pretrained(args.model, dtype="float32").save_pretrained(folder)
        AutoTokenizer.from_pretrained(args.model).save_pretrained(folder)
        passes = compare_passes(folder, config, args.repeats)
        line = time_the_one_line(folder, config)
    if args.json is not None:
        args.json.write_text(json.dumps({"passes": passes, "one line": line}, indent=1))


def compare_passes(folder, config, repeats):
    """Processor seconds of every repeat of the three passes over the same text."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    evaluation = prepare_evaluation(
        config, config.evaluation.resolved_languages, tokenizer, None, config.sequence_length
    )
    rows = calibration_set_of(config, tokenizer, None)
    inputs = find_layer_inputs(model)
    started = time.perf_counter()
    thresholds = outlier_thresholds(model, inputs, rows)
    of_thresholds = time.perf_counter() - started
    moments = InputSummaries(
        model, inputs, lambda each, values: measure_moments(values, *thresholds[each.name]), lambda a, b: a + b
    )
    scorers = {
        "plain": Scorer(model),
        "ranges": Scorer(model, range_counter(model)),
        "study": Scorer(model, moments),
    }
    batches = [
        batch
        for windows in evaluation.windows.values()
        for batch in make_batches(windows, evaluation.settings.batch_tokens)
    ]
    tokens = sum(len(window.targets) for batch in batches for window in batch)
    print(f"\n{tokens:,} tokens in {len(batches)} batches, {len(inputs)} layer inputs, {repeats} repeats")
    print(f"outlier thresholds, from one row of each calibration language, before it: {of_thresholds:.2f} s\n")
    spent = {name: [] for name in scorers}
    for name in scorers:
        scorers[name].states(batches[0])
    for _ in range(repeats):
        for name, scorer in scorers.items():
            started = time.process_time()
            for batch in batches:
                scorer.states(batch)
            spent[name].append(time.process_time() - started)
    print("| pass | median processor seconds | over the plain pass | least .. most |\n| :-- | --: | --: | --: |")
    for name, of_it in spent.items():
        ratios = [each / plain for each, plain in zip(of_it, spent["plain"], strict=True)]
        middle = f"{statistics.median(of_it):.2f} | {statistics.median(ratios):.2f}"
        print(f"| {name} | {middle} | {min(ratios):.2f} .. {max(ratios):.2f} |")
    return spent


def time_the_one_line(folder, config):
    """Seconds of the one line and of the parts of its check."""
    timed(preflight, "calibration_ranges", "a pass over the calibration rows")
    timed(integration, "check_coverage", "the check after the reference pass")
    timed(integration, "run_reference", "the reference pass, ranges watched")
    started = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=config)
    phases = {"whole run": time.perf_counter() - started, **seconds}
    print("\n| phase of the one line | seconds | share |\n| :-- | --: | --: |")
    for phase, of_it in phases.items():
        print(f"| {phase} | {of_it:.2f} | {of_it / phases['whole run']:.1%} |")
    print(f"\n{model.multilingual_report}")
    return phases


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


if __name__ == "__main__":
    main()
