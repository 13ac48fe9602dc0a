"""Every method on the small trained model: what it does to the languages, calibrated on English or on all, and what it costs.

    python benchmarks/methods.py --output results/ [--bits 4 8] [--only gptq awq] [--rows 32] [--length 128] [--tokens 1500]

Each method and engine by the one line, at each of the bits it does, with a calibration set of English and with one of thirteen
languages in equal shares, both of the embedded corpus; methods that read no text come once. All are measured on the same
held-out text of the thirteen languages, in float32 where the method starts from it. Seconds are those of the engine alone, with
its threads; size is that of the weights on disk, of which the embeddings, which most methods leave as they are, are 5 MB in 32
bits. A method whose package is missing is named, and so is one that fails; the others go on.

Each line is kept in the folder as soon as it is there, so the same command goes on where it ended, and tries again what failed.
The table is written there too, as table.md.
"""

import argparse
import hashlib
import json
import tempfile
import time
import traceback
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
    parser.add_argument("--output", type=Path, required=True, help="folder for the lines and the table")
    parser.add_argument("--bits", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--only", nargs="+", help="methods (default: all)")
    parser.add_argument("--rows", type=int, default=32, help="the English of the embedded corpus has no more")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=1500, help="evaluation tokens of each language")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    lines = [HEAD, [":--", ":--", "--:", ":--", *["--:"] * 5]]
    for capability in all_capabilities():
        if args.only and capability.method not in args.only:
            continue
        for line in lines_of(capability, args):
            print("  ".join(line), flush=True)
            lines.append(line)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    print(f"\n{table}")
    (args.output / "table.md").write_text(table + "\n", encoding="utf-8")


def lines_of(capability, args):
    """The lines of a method and engine, each as soon as it is measured."""
    try:
        capability.require_packages()
    except MissingPackageError as missing:
        yield [capability.method, capability.engine, "", str(missing), *[""] * 5]
        return
    for bits in args.bits:
        for text in ("English", "all") if capability.needs_calibration else ("-",):
            if bits in capability.bits:
                yield kept(capability, bits, text, args)


def kept(capability, bits, text, args):
    """A line from the folder if it was measured with the same settings, or measured and put there."""
    settings = {"rows": args.rows, "length": args.length, "tokens": args.tokens, "versions": capability.versions()}
    settings["weights"] = hashlib.sha256((MODEL / "model.safetensors").read_bytes()).hexdigest()
    place = args.output / f"{capability.method}-{capability.engine}-{bits}-{text}.json"
    if place.exists():
        done = json.loads(place.read_text(encoding="utf-8"))
        if done["settings"] == settings:
            return done["line"]
    started = time.perf_counter()
    try:
        line = measured(capability, bits, text, args)
    except Exception as error:  # of whichever engine: it is told in full and stands in the table, and the others go on
        traceback.print_exc()
        return [capability.method, capability.engine, str(bits), text, type(error).__name__, *[""] * 4]
    done = {"settings": settings, "line": line, "seconds_in_all": round(time.perf_counter() - started, 1)}
    place.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    return line


def measured(capability, bits, text, args):
    """The cells of one line."""
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
    return [
        capability.method + (" (20 iters)" if capability.method in OPTIONS else ""),
        capability.engine,
        str(bits),
        text,
        interval(report.groups[0].kl),
        f"{worst.language[:3]} {interval(worst.kl.mean)}",
        interval(report["en"].kl.mean),
        f"{sum(spent):.1f}",
        "not saved" if capability.unsaved else f"{size_on_disk(model):.1f}",
    ]


def size_on_disk(model):
    """Megabytes of the weights of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder) / "model")
        return sum(path.stat().st_size for path in Path(folder).rglob("*.safetensors")) / 1e6


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
    return f"{estimate.value:.3g} ({estimate.low:.3g} .. {estimate.high:.3g})"


if __name__ == "__main__":
    main()
