"""How long GPTQ takes by the one line, against what a user would call instead with the same rows and bits.

    python benchmarks/gptq_speed.py [--hidden 768] [--layers 12] [--rows 32] [--length 256] [--repeats 3]
        [--sides "GPTQConfig" "the one line"] [--json FILE]

In one process, the sides in turn, each from the folder to the quantized model in memory, without measuring:

    GPTQConfig            from_pretrained(quantization_config=GPTQConfig(dataset=rows)), as Transformers and Optimum do it
    GPTQModel             GPTQModel.load(folder, QuantizeConfig(...)).quantize(rows)
    llm-compressor        from_pretrained(folder), then oneshot(model, rows, GPTQModifier)
    the one line          MultilingualCalibrationConfig with the same set of rows, by Optimum, GPTQModel and llm-compressor

on the small trained model of examples/ and on a Llama of random weights with its tokenizer, both in float32. The share of 4-bit
numbers that differ from GPTQConfig's is what running several rows together does to float rounding.
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTQConfig, LlamaConfig, LlamaForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends.quiet import quiet_import

EXAMPLE = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "ru", "zh", "ar", "hi", "sw", "am"]

# All sides pack without the extension that would be compiled first.
os.environ["GPTQMODEL_DISABLE_PACK_EXT"] = "1"
# GPTQModel's pool of threads asks for two, and has one on a machine of two cores.
os.environ["GPTQMODEL_CPU_WORKERS"] = "2"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"hidden": 768, "layers": 12, "rows": 32, "length": 256, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with quiet_import():
        import gptqmodel  # noqa: F401  neither side pays for the first import
    sizes = {"num_rows": args.rows, "sequence_length": args.length}
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **sizes)
    rows = build_calibration_set(config, AutoTokenizer.from_pretrained(EXAMPLE))
    few = build_calibration_set(replace(config, num_rows=8, sequence_length=32), AutoTokenizer.from_pretrained(EXAMPLE))
    compare(EXAMPLE, few, 1, args.sides)  # warms up
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, source in {"trained": EXAMPLE, "random weights": random_llama(args, Path(folder))}.items():
            results[name] = compare(source, rows, args.repeats, args.sides)
    print(f"\n{args.rows} rows of {args.length} tokens, {torch.get_num_threads()} threads, medians of {args.repeats}\n")
    print("| model | side | seconds | the one line is faster by |\n| :-- | :-- | --: | --: |")
    for name, result in results.items():
        for side, seconds in result["seconds"].items():
            ratio = seconds / result["seconds"].get("the one line", math.nan)
            print(f"| {name}, {result['weights'] / 1e6:.0f} M | {side} | {seconds:.1f} | {ratio:.2f} x |")
    for name, result in results.items():
        print(f"\n{name}: {result['differ']:.2%} of the 4-bit numbers differ from GPTQConfig's")
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


def compare(source, rows, repeats, sides):
    seconds = {name: [] for name in sides}
    for _ in range(repeats):
        made = {}
        for name in sides:
            started = time.perf_counter()
            model = SIDES[name](source, rows)
            seconds[name].append(time.perf_counter() - started)
            if name in ("GPTQConfig", "the one line"):
                made[name] = model
    return {
        "weights": AutoModelForCausalLM.from_pretrained(source).num_parameters(),
        "seconds": {name: statistics.median(taken) for name, taken in seconds.items()},
        "differ": differing(*made.values()) if len(made) == 2 else math.nan,
    }


def one_line(source, rows, engine):
    config = MultilingualCalibrationConfig(
        "gptq", bits=4, group_size=64, engine=engine, calibration_set=rows, evaluation=None
    )
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, quantization_config=config)


def stock(source, rows):
    dataset = [{"input_ids": [row.input_ids.tolist()], "attention_mask": [[1] * len(row.input_ids)]} for row in rows]
    config = GPTQConfig(bits=4, group_size=64, dataset=dataset, act_group_aware=True, backend="torch")
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, quantization_config=config)


def gptqmodel_itself(source, rows):
    from gptqmodel import BACKEND, GPTQModel, QuantizeConfig

    config = QuantizeConfig(bits=4, group_size=64, device="cpu", offload_to_disk=False)
    model = GPTQModel.load(str(source), config, dtype=torch.float32)
    examples = [{"input_ids": row.input_ids.tolist(), "attention_mask": [1] * len(row.input_ids)} for row in rows]
    model.quantize(examples, batch_size=8, backend=BACKEND.GPTQ_TORCH)
    return model


def oneshot_itself(source, rows):
    from llmcompressor import oneshot
    from llmcompressor.modifiers.gptq import GPTQModifier

    weights = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 64}
    recipe = GPTQModifier(config_groups={"group_0": {"targets": ["Linear"], "weights": weights}}, ignore=["lm_head"])
    examples = [
        {"input_ids": ids, "attention_mask": torch.ones_like(ids)} for ids in torch.tensor(rows.token_ids()).long()
    ]
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    return oneshot(model=model, dataset=DataLoader(examples, batch_size=8), recipe=recipe)


def differing(one, other):
    """Share of the 4-bit numbers that two models do not have in common."""
    others, differ, total = other.state_dict(), 0, 0
    for name, words in one.state_dict().items():
        if name.endswith("qweight"):
            changed = words ^ others[name]
            differ += sum(((changed >> shift) & 15 != 0).sum().item() for shift in range(0, 32, 4))
            total += words.numel() * 8
    return differ / total


SIDES = {
    "GPTQConfig": stock,
    "GPTQModel": gptqmodel_itself,
    "llm-compressor": oneshot_itself,
    "the one line": lambda source, rows: one_line(source, rows, "optimum"),
    "the one line, GPTQModel": lambda source, rows: one_line(source, rows, "gptqmodel"),
    "the one line, llm-compressor": lambda source, rows: one_line(source, rows, "llmcompressor"),
}


if __name__ == "__main__":
    main()
