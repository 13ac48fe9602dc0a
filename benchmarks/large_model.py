"""The one line on a model of a large shape and random weights: seconds by phase, peak memory, share of the peak rate.

    python benchmarks/large_model.py [--device cuda:0] [--peak 989] [--shape 8B] [--rows 512] [--length 2048] [--languages 10]
        [--tokens 200000] [--json FILE]

    8B      the shape of Llama 3.1 8B: GPTQ to 4 bits in groups of 128, 512 rows of 2048 tokens, 10 x 200,000 evaluation tokens
    0.5B    the shape of Qwen2.5 0.5B, where not everything is computing
    tiny    to see on a CPU that it runs

Weights are random, in bfloat16 (float32 on a CPU), so only time and memory mean something. The share is that of the --peak rate
in teraflops a second (989 for an H100 or H200 in bfloat16) which the reference pass reaches with 2 x weights for a token. Text is
that of the embedded corpus over and over, numbered, under the names of as many languages as are asked for.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch
from scaling import EXAMPLE, PHASES, seconds, texts, watch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.backends.quiet import quiet_import
from optimum_multilingual.flores import flores_tiers

# Hidden size, size of the MLP, layers, heads, heads of keys and values, vocabulary.
SHAPES = {
    "8B": (4096, 14336, 32, 32, 8, 128256),
    "0.5B": (896, 4864, 24, 14, 2, 151936),
    "tiny": (128, 256, 2, 2, 1, 8192),
}

# A document in five is held out, and one of the embedded corpus has some 150 tokens.
TOKENS_OF_A_COPY = 96 * 150 // 5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--peak", type=float, default=989.0)
    parser.add_argument("--shape", choices=list(SHAPES), default="8B")
    parser.add_argument("--json", type=Path)
    for name, value in {"rows": 512, "length": 2048, "languages": 10, "tokens": 200_000}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    languages = list(flores_tiers())[: args.languages]
    config = MultilingualCalibrationConfig(
        "gptq",
        bits=4,
        group_size=128,
        languages=languages,
        corpus=texts(languages, copies=2 + 2 * args.tokens // TOKENS_OF_A_COPY),
        deduplicate=False,
        num_rows=args.rows,
        sequence_length=args.length,
        evaluation=EvaluationConfig(tokens_per_language=args.tokens),
    )
    with tempfile.TemporaryDirectory() as folder:
        weights = make_model(SHAPES[args.shape], args.device, folder)
        watch()
        if args.device != "cpu":
            torch.cuda.reset_peak_memory_stats(args.device)
        started = time.perf_counter()
        with quiet_import():
            model = AutoModelForCausalLM.from_pretrained(
                folder, quantization_config=config, dtype=dtype_of(args.device), device_map=args.device
            )
        whole = time.perf_counter() - started
    show(args, weights, model.multilingual_report, whole)


def make_model(shape, device, folder):
    """Writes it, and tells how many of its weights a token is multiplied with."""
    hidden, intermediate, layers, heads, kv_heads, vocabulary = shape
    config = LlamaConfig(
        hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, vocab_size=vocabulary, max_position_embeddings=8192, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype_of(device))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(EXAMPLE).save_pretrained(folder)
    return sum(weight.numel() for weight in model.model.layers.parameters())


def dtype_of(device):
    return torch.float32 if device == "cpu" else torch.bfloat16


def show(args, weights, report, whole):
    spent = {**{phase: seconds[phase] for phase in PHASES[:-1]}, "rest": whole - sum(seconds.values())}
    tokens = sum(score.tokens for score in report.scores)
    rate = 2 * weights * tokens / spent["reference"] / 1e12
    on_cpu = args.device == "cpu"
    peak = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if on_cpu
        else torch.cuda.max_memory_allocated(args.device)
    )
    print(f"\n{args.shape}, {args.rows} rows of {args.length} tokens, {tokens:,} evaluation tokens, {args.device}\n")
    print("| phase | seconds | share |\n| :-- | --: | --: |")
    for phase, taken in {"whole line": whole, **spent}.items():
        print(f"| {phase} | {taken:.1f} | {taken / whole:.0%} |")
    print(f"\nPeak memory: {peak / 1e9:.1f} GB{' of the process' if on_cpu else ''}.")
    print(f"Reference pass: {rate:.1f} teraflops a second, {rate / args.peak:.1%} of {args.peak:g}.")
    if args.json is not None:
        values = {"shape": args.shape, "seconds": {"whole": whole, **spent}, "peak": peak, "teraflops": rate}
        args.json.write_text(json.dumps(values, indent=1))


if __name__ == "__main__":
    main()
