"""How long the one line takes to quantize, against GPTQConfig alone with the same rows.

    python benchmarks/gptq_speed.py [--hidden 768] [--layers 12] [--rows 32] [--length 256] [--repeats 3] [--json FILE]

In one process, the sides in turn, each from the folder to the quantized model in memory:

    GPTQConfig    from_pretrained(quantization_config=GPTQConfig(dataset=rows)), as Transformers and Optimum do it
    the one line  MultilingualCalibrationConfig with the same set of rows, without measuring

on the small trained model of examples/ and on a Llama of random weights with its tokenizer, both in float32: processors
without bfloat16 instructions compute bfloat16 so slowly that nothing else would be measured. The share of weights that round to
another number is what running several rows together does to float rounding.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTQConfig, LlamaConfig, LlamaForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends.quiet import quiet_import

EXAMPLE = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "ru", "zh", "ar", "hi", "sw", "am"]

# Both sides pack without the extension that would be compiled first.
os.environ["GPTQMODEL_DISABLE_PACK_EXT"] = "1"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"hidden": 768, "layers": 12, "rows": 32, "length": 256, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with quiet_import():
        import gptqmodel  # noqa: F401  neither side pays for the first import
    sizes = {"num_rows": args.rows, "sequence_length": args.length}
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **sizes)
    rows = build_calibration_set(config, AutoTokenizer.from_pretrained(EXAMPLE))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, source in {"trained, 3 M": EXAMPLE, "random weights": random_llama(args, Path(folder))}.items():
            results[name] = compare(source, rows, args.repeats)
    print(f"\n{args.rows} rows of {args.length} tokens, {torch.get_num_threads()} threads, medians of {args.repeats}\n")
    print("| model | weights | GPTQConfig, s | the one line, s | ratio | weights that differ |")
    print("| :-- | --: | --: | --: | --: | --: |")
    for name, result in results.items():
        stock, ours = result["seconds"].values()
        print(
            f"| {name} | {result['weights'] / 1e6:.0f} M | {stock:.1f} | {ours:.1f} | {stock / ours:.2f} x "
            f"| {result['differ']:.2%} |"
        )
    if args.json is not None:
        args.json.write_text(json.dumps({**vars(args), "json": str(args.json.name), "results": results}, indent=1))


def random_llama(args, folder):
    torch.manual_seed(0)
    tokenizer, heads = AutoTokenizer.from_pretrained(EXAMPLE), max(1, args.hidden // 64)
    config = LlamaConfig(
        hidden_size=args.hidden, intermediate_size=int(args.hidden * 8 / 3) // 64 * 64, num_hidden_layers=args.layers,
        num_attention_heads=heads, num_key_value_heads=heads, vocab_size=len(tokenizer), tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def compare(source, rows, repeats):
    sides = {
        "GPTQConfig": lambda: stock(source, rows),
        "the one line": lambda: AutoModelForCausalLM.from_pretrained(
            source,
            dtype=torch.float32,
            quantization_config=MultilingualCalibrationConfig(
                "gptq", bits=4, group_size=64, calibration_set=rows, evaluation=None
            ),
        ),
    }
    made = {name: side() for name, side in sides.items()}  # also warms up
    seconds = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - started)
    return {
        "weights": AutoModelForCausalLM.from_pretrained(source).num_parameters(),
        "seconds": {name: statistics.median(taken) for name, taken in seconds.items()},
        "differ": differing(*made.values()),
    }


def stock(source, rows):
    dataset = [{"input_ids": [row.input_ids.tolist()], "attention_mask": [[1] * len(row.input_ids)]} for row in rows]
    config = GPTQConfig(bits=4, group_size=64, dataset=dataset, act_group_aware=True, backend="torch")
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, quantization_config=config)


def differing(one, other):
    """Share of the 4-bit numbers that two models do not have in common."""
    others, differ, total = other.state_dict(), 0, 0
    for name, words in one.state_dict().items():
        if name.endswith("qweight"):
            changed = words ^ others[name]
            differ += sum(((changed >> shift) & 15 != 0).sum().item() for shift in range(0, 32, 4))
            total += words.numel() * 8
    return differ / total


if __name__ == "__main__":
    main()
