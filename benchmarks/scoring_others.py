"""How fast texts are scored, against lm-evaluation-harness and the perplexity metric of `evaluate`.

    python benchmarks/scoring_others.py [MODEL] [--documents 64] [--length 256] [--repeats 3]

One model in memory, the same documents, in one process, the sides in turn:

    ours                  MultilingualPerplexity, from texts to perplexity and bits per byte
    lm-evaluation-harness HFLM.loglikelihood_rolling, log-softmax in float32
    evaluate              evaluate.load("perplexity")'s loop, which this file repeats: that metric can only load a model by name
    bare loop             whole logits and cross-entropy on our batches, which hardly hold padding, tokenized beforehand

Without MODEL it is a Llama of random weights with the tokenizer of examples/tiny-multilingual-lm: hidden 512, 8 layers, a
vocabulary of 32,000. The embedded corpus is the text; pieces of all its languages, with
lengths as uneven as those of real documents, up to `--length` tokens.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.evaluation.held_out import HeldOutDocument, cut_windows
from optimum_multilingual.evaluation.perplexity import MultilingualPerplexity
from optimum_multilingual.evaluation.scoring import make_batches

EXAMPLE = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"
BATCH = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--length", type=int, default=256, help="tokens of the longest document")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.model or EXAMPLE)
    model = random_llama() if args.model is None else AutoModelForCausalLM.from_pretrained(args.model)
    texts, languages = documents(tokenizer, args)
    tokens = sum(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)
    sides = {
        "ours": lambda: ours(model.eval(), tokenizer, texts, languages, args.length),
        "lm-evaluation-harness": lambda: harness(model, tokenizer, texts, args.length),
        "evaluate": lambda: evaluate_perplexity(model, tokenizer, texts),
        "bare loop": bare_loop(model, tokenizer, texts, args.length),
    }
    totals = {name: side() for name, side in sides.items()}  # also warms up
    seconds = {name: [] for name in sides}
    for _ in range(args.repeats):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - started)
    first = statistics.median(seconds["ours"])
    print("\n| side | tokens/s | ours is faster by | mean loss |\n| :-- | --: | --: | --: |")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {tokens / median:,.0f} | {median / first:.2f} x | {totals[name] / tokens:.5f} |")


def random_llama():
    torch.manual_seed(0)
    sizes = {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8, "num_attention_heads": 8}
    return LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=32_000)).eval()


def documents(tokenizer, args):
    """Texts of uneven lengths, the longest of `--length` tokens, and the language of each."""
    corpus, generator = open_corpus("embedded"), np.random.default_rng(0)
    streams = {language: " ".join(text.text for text in corpus.documents(language)) for language in corpus.languages()}
    texts, languages = [], []
    for number in range(args.documents):
        language = list(streams)[number % len(streams)]
        length = int(min(args.length, generator.lognormal(np.log(args.length / 2), 0.6) + 16))
        ids = tokenizer(streams[language], add_special_tokens=False)["input_ids"]
        start = int(generator.integers(0, max(1, len(ids) - length)))
        texts.append(tokenizer.decode(ids[start : start + length]).strip())
        languages.append(language.tag)
    return texts, languages


def ours(model, tokenizer, texts, languages, length):
    metric = MultilingualPerplexity()
    scores = metric.compute(
        predictions=texts, references=languages, model=model, tokenizer=tokenizer, sequence_length=length,
        batch_tokens=BATCH * length,
    )  # fmt: skip
    return sum(score["nll"] * score["tokens"] for score in scores["languages"].values())


def harness(model, tokenizer, texts, length):
    wrapped = HFLM(
        pretrained=model, tokenizer=tokenizer, backend="causal", batch_size=BATCH, max_length=length,
        softmax_dtype="float32",
    )  # fmt: skip
    requests = [Instance("loglikelihood_rolling", {}, (text,), place) for place, text in enumerate(texts)]
    return -sum(wrapped.loglikelihood_rolling(requests, disable_tqdm=True))


def bare_loop(model, tokenizer, texts, length):
    encoded = (np.array(tokenizer(text, add_special_tokens=False)["input_ids"], np.int32) for text in texts)
    documents = [HeldOutDocument(str(number), tokens, 1, 1) for number, tokens in enumerate(encoded)]
    batches = make_batches(cut_windows(documents, tokenizer.bos_token_id, length), BATCH * length)
    loss = torch.nn.CrossEntropyLoss(ignore_index=-100, reduction="sum")

    @torch.no_grad()
    def run():
        total = 0.0
        for batch in batches:
            ids, targets = torch.zeros(2, len(batch), len(batch[-1].input_ids), dtype=torch.int64)
            targets -= 100
            for row, window in enumerate(batch):
                end = len(window.input_ids)
                ids[row, :end] = torch.from_numpy(window.input_ids)
                targets[row, end - len(window.targets) : end] = torch.from_numpy(window.targets)
            total += loss(model(ids, use_cache=False).logits.flatten(0, 1), targets.flatten()).item()
        return total

    return run


@torch.no_grad()
def evaluate_perplexity(model, tokenizer, texts):
    """The loop of `metrics/perplexity/perplexity.py` of evaluate 0.4: padded batches in the order given, whole logits."""
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    begin, total = torch.tensor([[tokenizer.bos_token_id]]), 0.0
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    for start in range(0, len(texts), BATCH):
        batch = tokenizer(texts[start : start + BATCH], add_special_tokens=False, padding=True, return_tensors="pt")
        ids = torch.cat([begin.expand(len(batch["input_ids"]), 1), batch["input_ids"]], dim=1)
        mask = torch.cat([torch.ones(len(ids), 1, dtype=torch.int64), batch["attention_mask"]], dim=1)
        logits = model(ids, attention_mask=mask).logits[:, :-1].contiguous()
        total += (loss(logits.transpose(1, 2), ids[:, 1:].contiguous()) * mask[:, 1:]).sum().item()
    return total


if __name__ == "__main__":
    main()
