"""How the phases of the one line grow with languages, rows, their length, the model and processes, and which dominates.

    python benchmarks/scaling.py [--languages 1 10 50] [--rows 50 200] [--lengths 64 128 256] [--models 128x2 256x4 512x6]
                                 [--processes 1 2] [--tokens 1000] [--repeats 1] [--json FILE]

One thing is changed at a time, the others stay at 10 languages, 50 rows of 128 tokens, and a Llama of random weights in float32
with hidden size 256 and 4 layers; every language is measured on --tokens tokens. Text is that of the embedded corpus, under the
names of as many languages as are asked for. GPTQ to 4 bits. Medians of the repeats.

    build          the calibration set and the held-out text
    reference      the pass before quantizing
    quantize       the engine
    quantized      the pass after it, and the comparison with the reference
    report         bootstrap and verdicts
    rest           checks, loading weights, importing

Processes are started by torchrun, one thread each. They share the passes, and each of them quantizes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, integration
from optimum_multilingual.backends.gptq import GPTQBackend
from optimum_multilingual.backends.quiet import quiet_import
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.flores import flores_tiers

EXAMPLE = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
BASE = {"languages": 10, "rows": 50, "length": 128, "model": "256x4", "processes": 1}
COPIES = 12
PHASES = ("build", "reference", "quantize", "quantized", "report", "rest")

# Packs without the extension that would be compiled first.
os.environ["GPTQMODEL_DISABLE_PACK_EXT"] = "1"

seconds = defaultdict(float)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--rows", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--models", nargs="+", default=["128x2", "256x4", "512x6"])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--tokens", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    watch()
    if args.one is not None:
        run(json.loads(args.one), args.tokens)  # as in one process
        spent = run(json.loads(args.one), args.tokens)
        if int(os.environ["RANK"]) == 0:
            print(json.dumps(spent), flush=True)
        return
    axes = {
        "languages": args.languages, "rows": args.rows, "length": args.lengths, "model": args.models,
        "processes": args.processes,
    }  # fmt: skip
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for shape in {BASE["model"], *args.models}:
            make_model(shape, Path(folder) / shape)
        run({**BASE, "folder": f"{folder}/{BASE['model']}"}, args.tokens)  # what is only imported once
        for axis, values in axes.items():
            for value in values:
                setting = {**BASE, axis: value}
                measure = launched if axis == "processes" else run
                place = {"folder": f"{folder}/{setting['model']}"}
                repeats = [measure({**setting, **place}, args.tokens) for _ in range(args.repeats)]
                spent = {phase: statistics.median(each[phase] for each in repeats) for phase in PHASES}
                results.append({"axis": axis, "value": value, "setting": setting, "seconds": spent})
    show(results, args)
    if args.json is not None:
        args.json.write_text(json.dumps({"tokens": args.tokens, "repeats": args.repeats, "results": results}, indent=1))


def watch():
    """Times the phases of the one line from the outside."""
    phases = {
        "calibration_set_of": "build",
        "prepare_evaluation": "build",
        "run_reference": "reference",
        "run_quantized": "quantized",
        "make_report": "report",
    }
    for name, phase in phases.items():
        setattr(integration, name, timed(getattr(integration, name), phase))
    GPTQBackend.quantize = timed(GPTQBackend.quantize, "quantize")


def timed(function, phase):
    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[phase] += time.perf_counter() - started

    return wrapper


def run(setting, tokens):
    """Seconds of each phase of one line."""
    languages = list(flores_tiers())[: setting["languages"]]
    config = MultilingualCalibrationConfig(
        "gptq",
        bits=4,
        languages=languages,
        corpus=texts(languages),
        deduplicate=False,
        num_rows=setting["rows"],
        sequence_length=setting["length"],
        evaluation=EvaluationConfig(tokens_per_language=tokens),
    )
    with quiet_import():
        seconds.clear()
        started = time.perf_counter()
        AutoModelForCausalLM.from_pretrained(setting["folder"], quantization_config=config, dtype=torch.float32)
        whole = time.perf_counter() - started
    return {**{phase: seconds[phase] for phase in PHASES[:-1]}, "rest": whole - sum(seconds.values())}


def texts(languages, copies=COPIES):
    """Paragraphs of the embedded corpus under the names of any languages, numbered so that no two are the same."""
    corpus = open_corpus("embedded")
    own = [[document.text for document in corpus.documents(language)] for language in corpus.languages()]
    return {
        tag: [f"{copy} {text}" for copy in range(copies) for text in own[place % len(own)]]
        for place, tag in enumerate(languages)
    }


def make_model(shape, folder):
    hidden, layers = map(int, shape.split("x"))
    tokenizer = AutoTokenizer.from_pretrained(EXAMPLE)
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers, num_attention_heads=hidden // 64,
        vocab_size=len(tokenizer), tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def launched(setting, tokens):
    """The same in so many processes; the first one's time."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    script = [str(setting["processes"]), __file__, "--tokens", str(tokens), "--one", json.dumps(setting)]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *script], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def show(results, args):
    print(f"\n{args.tokens:,} evaluation tokens a language, {torch.get_num_threads()} threads, seconds\n")
    print(f"| changed | to | {' | '.join(PHASES)} | whole | dominated by |")
    print(f"| :-- | --: |{' --: |' * (len(PHASES) + 1)} :-- |")
    for each in results:
        spent, whole = each["seconds"], sum(each["seconds"].values())
        most = max(spent, key=spent.get)
        cells = " | ".join(f"{spent[phase]:.2f}" for phase in PHASES)
        print(f"| {each['axis']} | {each['value']} | {cells} | {whole:.2f} | {most} {spent[most] / whole:.0%} |")


if __name__ == "__main__":
    main()
