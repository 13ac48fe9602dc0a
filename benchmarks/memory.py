"""The peak memory of the one line, against GPTQConfig alone with the same rows, and against what it says beforehand.

    python benchmarks/memory.py [--hidden 512] [--layers 8] [--rows 64] [--length 256] [--tokens 4096] [--json FILE]

A Llama of random weights in float32. Every side is a process of its own, and its peak of resident memory is read at the end:

    loaded        the model and the libraries, nothing done: taken off all others
    GPTQConfig    from_pretrained(quantization_config=GPTQConfig(dataset=rows)), as Transformers and Optimum do it
    unmeasured    the one line with the same rows and evaluation=None
    the one line  with the report of eight languages
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from gptq_speed import LANGUAGES, random_llama, stock
from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends.quiet import quiet_import
from optimum_multilingual.memory_plan import MemoryPlan

SIDES = ("loaded", "GPTQConfig", "unmeasured", "the one line")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"hidden": 512, "layers": 8, "rows": 64, "length": 256, "tokens": 4096}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side is not None:
        print(json.dumps(peak_of(args)))
        return
    with tempfile.TemporaryDirectory() as folder:
        random_llama(args, folder)
        peaks = {side: in_a_process(side, folder) for side in SIDES}
    loaded = peaks["loaded"]["peak"]
    stock = peaks["GPTQConfig"]["peak"] - loaded
    print(
        f"\n{args.rows} rows of {args.length} tokens, {args.tokens} evaluation tokens in each of {len(LANGUAGES)} languages\n"
    )
    print("| side | peak above the loaded model, MB | of GPTQConfig's |\n| :-- | --: | --: |")
    for side in SIDES[1:]:
        above = peaks[side]["peak"] - loaded
        print(f"| {side} | {above / 1e6:,.0f} | {above / stock:.0%} |")
    whole = {side: of_it["peak"] / peaks["GPTQConfig"]["peak"] for side, of_it in peaks.items()}
    print(
        f"\nThe whole process: unmeasured {whole['unmeasured']:.0%}, the one line {whole['the one line']:.0%} of GPTQConfig's."
    )
    print(f"Said beforehand: {peaks['the one line']['plan']}")
    if args.json is not None:
        args.json.write_text(json.dumps(peaks, indent=1))


def in_a_process(side, folder):
    command = [sys.executable, __file__, "--side", side, "--model", folder, *sys.argv[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak_of(args):
    plans = []
    tell = MemoryPlan.require_room
    MemoryPlan.require_room = lambda plan, device_map: (plans.append(str(plan)), tell(plan, device_map))
    with quiet_import():
        import gptqmodel  # noqa: F401
    sizes = {"num_rows": args.rows, "sequence_length": args.length}
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **sizes)
    rows = build_calibration_set(config, AutoTokenizer.from_pretrained(args.model))
    if args.side == "GPTQConfig":
        model = stock(args.model, rows)
    else:
        evaluation = EvaluationConfig(tokens_per_language=args.tokens) if args.side == "the one line" else None
        line = MultilingualCalibrationConfig("gptq", bits=4, group_size=64, calibration_set=rows, evaluation=evaluation)
        model = AutoModelForCausalLM.from_pretrained(
            args.model, quantization_config=None if args.side == "loaded" else line, dtype=torch.float32
        )
    assert model is not None
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "plan": plans[0] if plans else None}


if __name__ == "__main__":
    main()
