"""How fast a model is scored, against a bare loop of logits and cross-entropy at the same batch shapes, and what memory the
comparison of two models takes.

    python benchmarks/scoring.py [--hidden 512] [--layers 8] [--vocabulary 32000] [--rows 64] [--length 256] [--repeats 5]

A Llama of random weights, in one process, the sides in turn:

    bare loop   model(input_ids).logits, then cross-entropy, batch by batch
    ours        final hidden states, then the loss in float32 in chunks of the vocabulary

The memory of a comparison is that of two models' states of 2048 tokens under a vocabulary of 128,000, above the states and heads.
"""

import argparse
import statistics
import threading
import time

import numpy as np
import psutil
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from optimum_multilingual.evaluation.divergence import OutputHead, compare_states, token_losses
from optimum_multilingual.evaluation.held_out import HeldOutDocument, cut_windows
from optimum_multilingual.evaluation.scoring import Scorer, make_batches, output_head, targets_of


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {
        "hidden": 512,
        "layers": 8,
        "vocabulary": 32_000,
        "rows": 64,
        "length": 256,
        "repeats": 5,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    # First of all, while no memory that was used before can be used again unseen.
    print(f"peak memory of comparing 2048 tokens at vocabulary 128,000: {comparison_memory() / 2**20:.0f} MiB\n")
    torch.manual_seed(0)
    heads = max(1, args.hidden // 64)
    config = LlamaConfig(
        hidden_size=args.hidden, intermediate_size=int(2.75 * args.hidden) // 64 * 64, num_hidden_layers=args.layers,
        num_attention_heads=heads, num_key_value_heads=heads, vocab_size=args.vocabulary,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    batches = batches_of(args)
    sides = {"bare loop": lambda: bare(model, batches), "ours": lambda: ours(model, batches)}
    speeds(sides, args)


def batches_of(args):
    generator = np.random.default_rng(0)
    rows = generator.integers(3, args.vocabulary, (args.rows, args.length), dtype=np.int32)
    documents = [HeldOutDocument(str(n), row, 1, 1) for n, row in enumerate(rows)]
    return make_batches(cut_windows(documents, 1, args.length), batch_tokens=16 * args.length)


@torch.inference_mode()
def bare(model, batches):
    total = 0.0
    for batch in batches:
        inputs = torch.from_numpy(np.stack([window.input_ids for window in batch]).astype(np.int64))
        targets = torch.from_numpy(np.stack([window.targets for window in batch]).astype(np.int64))
        logits = model(inputs, use_cache=False).logits
        total += torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), reduction="sum"
        ).item()
    return total


def ours(model, batches):
    scorer, head, total = Scorer(model), output_head(model), 0.0
    for batch in batches:
        total += token_losses(scorer.states(batch), head, targets_of(batch)).sum().item()
    return total


def speeds(sides, args):
    seconds = {name: [] for name in sides}
    totals = {name: side() for name, side in sides.items()}  # also warms up
    for _ in range(args.repeats):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - started)
    tokens = args.rows * args.length
    first = statistics.median(next(iter(seconds.values())))
    print("| side | tokens/s | of the bare loop | mean loss |\n| :-- | --: | --: | --: |")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {tokens / median:,.0f} | {first / median:.0%} | {totals[name] / tokens:.5f} |")


def comparison_memory():
    """Bytes of resident memory that `compare_states` adds at its peak."""
    generator = torch.Generator().manual_seed(0)
    states = [torch.randn(2048, 256, generator=generator) for _ in range(2)]
    head = OutputHead(torch.randn(128_000, 256, generator=generator))
    targets = torch.randint(128_000, (2048,), generator=generator)
    process, peak, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], process.memory_info().rss)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    compare_states(*states, head, head, targets)
    done.set()
    watcher.join()
    return peak[0] - before


if __name__ == "__main__":
    main()
