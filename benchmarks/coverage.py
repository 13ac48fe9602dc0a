"""Whether activations beyond the calibration rows say which languages lose: excess of channels against KL.

    python benchmarks/coverage.py [--model FOLDER] [--calibrated en sw] [--rows 40] [--length 128] [--tokens 1000]
        [--method gptq --bits 3 --group-size 64]

Quantizes the model, by GPTQ to 3 bits unless a method is given, with rows of each single language, and of all thirteen with as
many rows. For each single language it prints its own excess (share of channels beyond the rows over the share by chance) and
those of the other twelve, and over these Spearman's rank correlation of the excess with the KL to the reference, and with the KL
over that with rows of all languages, which takes out that some languages lose more whatever is calibrated on. The model is taken
in float32, in which a CPU is many times as fast as in bfloat16.
"""

import argparse
import tempfile
from pathlib import Path

from scipy.stats import spearmanr
from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.report.coverage import uncovered

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--calibrated", nargs="+", default=["en", "sw", "zh", "hi"])
    parser.add_argument("--method")
    parser.add_argument("--bits", type=int)
    parser.add_argument("--group-size", type=int)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=1000)
    args = parser.parse_args()
    if args.method is None:
        args.method, args.bits, args.group_size = "gptq", args.bits or 3, args.group_size or 64
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_pretrained(args.model, dtype="float32").save_pretrained(folder)
        AutoTokenizer.from_pretrained(args.model).save_pretrained(folder)
        balanced = quantize(folder, LANGUAGES, args)
        header = ("its excess", "others", "warned about", "with KL", "p", "with KL over balanced", "p")
        print(f"\n| calibrated on | {' | '.join(header)} |\n| :-- |{' --: |' * len(header)}", flush=True)
        for language in args.calibrated:
            print(row_of(language, quantize(folder, [language], args), balanced), flush=True)


def quantize(folder, languages, args):
    evaluation = EvaluationConfig(languages=LANGUAGES, tokens_per_language=args.tokens)
    size = {"num_rows": args.rows, "sequence_length": args.length}
    method = {"method": args.method, "bits": args.bits, "group_size": args.group_size}
    config = MultilingualCalibrationConfig(languages=languages, evaluation=evaluation, **method, **size)
    return AutoModelForCausalLM.from_pretrained(folder, quantization_config=config).multilingual_report


def row_of(language, report, balanced):
    others = [each for each in report.coverage if not each.calibrated]
    excess = [each.excess for each in others]
    kl = [report[each.language].kl.mean.value for each in others]
    over_balanced = [value / balanced[each.language].kl.mean.value for value, each in zip(kl, others, strict=True)]
    (own,) = [each.excess for each in report.coverage if each.calibrated]
    warned = f"{len(uncovered(report.coverage))} of {len(others)}"
    with_kl, with_ratio = spearmanr(excess, kl), spearmanr(excess, over_balanced)
    numbers = " | ".join(f"{each.statistic:+.2f} | {each.pvalue:.3f}" for each in (with_kl, with_ratio))
    return f"| {language} | {own:.2f} | {min(excess):.2f} .. {max(excess):.2f} | {warned} | {numbers} |"


if __name__ == "__main__":
    main()
