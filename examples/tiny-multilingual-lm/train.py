"""Trains the small multilingual Llama of this folder on a CPU, within a time budget.

    python train.py TEXTS OUTPUT SECONDS

TEXTS holds a file en.jsonl.gz, fr.jsonl.gz, ... for each language, {"text": "..."} a line. Nine documents in ten are
trained on; every tenth (index % 10 == 0) is left for calibration.
"""

import gzip
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]
VOCABULARY, ROW, BATCH, PEAK_LEARNING_RATE = 6144, 256, 16, 3e-3


def read_documents(texts, language):
    with gzip.open(texts / f"{language}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for index, line in enumerate(lines) if index % 10]


def train_tokenizer(documents):
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    sample = (text for language, texts in documents.items() for text in texts[: (900 if language == "en" else 300)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    bpe.train_from_iterator(sample, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", model_max_length=2048)


def encode(tokenizer, documents):
    """One stream of token ids for each language, every document after the token that begins a sequence."""
    streams = {}
    for language, texts in documents.items():
        rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
        streams[language] = np.array([token for row in rows for token in (tokenizer.bos_token_id, *row)], np.uint16)
    return streams


def shares_of(streams):
    """English-heavy, as real pre-training mixtures are."""
    shares = np.array([len(streams[language]) for language in LANGUAGES], float) ** 0.7
    shares[0] *= 2.5
    return shares / shares.sum()


def make_model():
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=3,
            num_key_value_heads=3,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
        )
    )


def draw_batch(streams, shares):
    rows = []
    for language in np.random.choice(LANGUAGES, BATCH, p=shares):
        start = np.random.randint(0, len(streams[language]) - ROW - 1)
        rows.append(streams[language][start : start + ROW].astype(np.int64))
    return torch.from_numpy(np.stack(rows))


def train(model, streams, shares, seconds):
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_LEARNING_RATE, betas=(0.9, 0.95), fused=True)

    @torch.compile
    def loss_of(rows):
        hidden = model.model(input_ids=rows, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[:, :-1])
        return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())

    started, step, smooth = time.time(), 0, None
    while (part := (time.time() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            decay = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part))
            group["lr"] = PEAK_LEARNING_RATE * min(1, (step + 1) / 100) * decay
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(draw_batch(streams, shares))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        step += 1
        if step % 50 == 0:
            print(
                f"step {step}, loss {smooth:.3f}, {step * BATCH * ROW / (time.time() - started):.0f} tokens/s",
                flush=True,
            )
    print(f"{step} steps, {step * BATCH * ROW:,} tokens, loss {smooth:.3f}")


if __name__ == "__main__":
    texts, output, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    torch.manual_seed(0)
    np.random.seed(0)
    documents = {language: read_documents(texts, language) for language in LANGUAGES}
    tokenizer = train_tokenizer(documents)
    streams = encode(tokenizer, documents)
    model = make_model()
    train(model, streams, shares_of(streams), seconds)
    model.to(torch.bfloat16).save_pretrained(output)
    # Half the size on disk; loaded as float32, since processors without bfloat16 instructions are a hundred times slower in it.
    model.config.dtype = torch.float32
    model.config.save_pretrained(output)
    tokenizer.save_pretrained(output)
