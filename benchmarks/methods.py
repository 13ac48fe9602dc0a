"""Every method on the small trained model: what it does to the languages, calibrated on English or on all, and what it costs.

    python benchmarks/methods.py [--bits 4 8] [--only gptq awq] [--rows 64] [--length 256] [--tokens 3000] [--output FILE]

Each method and engine by the one line, at each of the bits it does, with a calibration set of English and with one of thirteen
languages in equal shares, both of the embedded corpus; methods that read no text come once. All are measured on the same
held-out text of the thirteen languages, in float32 where the method starts from it. Seconds are those of the engine alone, with
its threads; size is that of the weights on disk, of which the embeddings, which most methods leave as they are, are 2.4 MB in 16
bits. A method whose package is missing is named.
"""

import argparse
import tempfile
import time
from pathlib import Path

from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, integration
from optimum_multilingual.backends import all_capabilities
from optimum_multilingual.errors import MissingPackageError

MODEL = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]
HEAD = ("method", "engine", "bits", "calibrated on", "mean KL", "worst KL", "English KL", "seconds", "MB")

# What a user would wait minutes for on a CPU; said in the table.
OPTIONS = {"auto-round": {"iters": 20, "torch_compile": False}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--only", nargs="+", help="methods (default: all)")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=3000, help="evaluation tokens of each language")
    parser.add_argument("--output", type=Path, help="write the table here too")
    args = parser.parse_args()
    lines = [HEAD, [":--", ":--", "--:", ":--", *["--:"] * 5]]
    for capability in all_capabilities():
        if args.only and capability.method not in args.only:
            continue
        lines += rows_of(capability, args)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    print(f"\n{table}")
    if args.output is not None:
        args.output.write_text(table + "\n", encoding="utf-8")


def rows_of(capability, args):
    try:
        capability.require_packages()
    except MissingPackageError as missing:
        return [[capability.method, capability.engine, "", str(missing), *[""] * 5]]
    return [
        measured(capability, bits, text, args)
        for bits in args.bits
        if bits in capability.bits
        for text in (("English", "all") if capability.needs_calibration else ("-",))
    ]


def measured(capability, bits, text, args):
    sizes = {"num_rows": args.rows, "sequence_length": args.length} if capability.needs_calibration else {}
    config = MultilingualCalibrationConfig(
        capability.method,
        engine=capability.engine,
        bits=bits,
        method_options=OPTIONS.get(capability.method, {}),
        languages=["en"] if text == "English" else LANGUAGES,
        evaluation=EvaluationConfig(languages=LANGUAGES, tokens_per_language=args.tokens, sequence_length=args.length),
        **sizes,
    )
    with timed_engine() as spent:
        model = AutoModelForCausalLM.from_pretrained(
            MODEL, quantization_config=config, dtype="float32" if "float32" in capability.dtypes else "bfloat16"
        )
    report = model.multilingual_report
    worst = report[report.summary("kl").worst]
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder) / "model")
        weights = [path for path in Path(folder).rglob("*") if path.suffix in (".safetensors", ".pt")]
        size = sum(path.stat().st_size for path in weights) / 1e6
    line = [
        capability.method + (" (20 iters)" if capability.method in OPTIONS else ""),
        capability.engine,
        str(bits),
        text,
        interval(report.groups[0].kl),
        f"{worst.language[:3]} {interval(worst.kl.mean)}",
        interval(report["en"].kl.mean),
        f"{sum(spent):.1f}",
        f"{size:.1f}",
    ]
    print("  ".join(line), flush=True)
    return line


class timed_engine:  # noqa: N801  used like a function
    """Adds up the seconds that engines quantize for."""

    def __enter__(self):
        self.original, spent = integration.MultilingualQuantizer._quantize, []

        def quantize(quantizer, *args):
            started = time.perf_counter()
            self.original(quantizer, *args)
            spent.append(time.perf_counter() - started)

        integration.MultilingualQuantizer._quantize = quantize
        return spent

    def __exit__(self, *error):
        integration.MultilingualQuantizer._quantize = self.original


def interval(estimate):
    return f"{estimate.value:.4f} ({estimate.low:.4f} .. {estimate.high:.4f})"


if __name__ == "__main__":
    main()
