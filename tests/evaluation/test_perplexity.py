"""The metric gives what plain logits give, language by language."""

import math
import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM

from optimum_multilingual import MultilingualPerplexity
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.errors import CorpusError, LanguageError
from optimum_multilingual.languages import find_language


@pytest.fixture(scope="module")
def model(tiny_model_path):
    return AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype=torch.float32).eval()


def texts_of(language, count=5):
    documents = EmbeddedCorpus().documents(find_language(language))
    return [document.text for document, _ in zip(documents, range(count))]


def loss_of(model, tokenizer, text):
    ids = [tokenizer.bos_token_id, *tokenizer.encode(text, add_special_tokens=False)]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].double()
    return -logits[:-1].log_softmax(-1).gather(1, torch.tensor(ids[1:])[:, None]).sum().item(), len(ids) - 1


def test_scores_are_those_of_plain_logits_and_languages_do_not_mix(model, tokenizer):
    texts = {"sw": texts_of("sw"), "en": texts_of("en", 3)}
    metric = MultilingualPerplexity()
    metric.add_batch(predictions=texts["sw"][:2], references=["sw", "Swahili"])
    metric.add_batch(predictions=[*texts["en"], *texts["sw"][2:]], references=["en"] * 3 + ["swh_Latn"] * 3)
    found = metric.compute(model=model, tokenizer=tokenizer)

    assert list(found["languages"]) == ["swh_Latn", "eng_Latn"]
    for language, of_language in texts.items():
        losses, tokens = zip(*(loss_of(model, tokenizer, text) for text in of_language))
        score = found["languages"][find_language(language).tag]
        num_bytes = sum(len(text.encode()) for text in of_language)
        assert score["perplexity"] == pytest.approx(math.exp(sum(losses) / sum(tokens)), rel=1e-5)
        assert score["bits_per_byte"] == pytest.approx(sum(losses) / num_bytes / math.log(2), rel=1e-5)
        assert (score["documents"], score["tokens"], score["num_bytes"]) == (len(of_language), sum(tokens), num_bytes)
    bits = [score["bits_per_byte"] for score in found["languages"].values()]
    assert (found["mean_bits_per_byte"], found["max_bits_per_byte"]) == (sum(bits) / 2, max(bits))


def test_every_token_of_a_long_text_is_scored_once(model, tokenizer):
    [text] = texts_of("sw", 1)
    settings = {"model": model, "tokenizer": tokenizer, "predictions": [text], "references": ["sw"]}
    whole, cut = (MultilingualPerplexity().compute(**settings, sequence_length=n)["languages"] for n in (512, 16))
    assert whole["swh_Latn"]["tokens"] == cut["swh_Latn"]["tokens"] > 16
    assert whole["swh_Latn"]["nll"] < cut["swh_Latn"]["nll"]


def test_an_empty_text_is_refused(model, tokenizer):
    with pytest.raises(CorpusError, match=r"Text number 1 \(sw\) is empty"):
        MultilingualPerplexity().compute(
            predictions=["Habari", " "], references=["sw", "sw"], model=model, tokenizer=tokenizer
        )


def test_what_is_no_language_is_refused(model, tokenizer):
    with pytest.raises(LanguageError, match="Did you mean 'Swahili'"):
        MultilingualPerplexity().compute(
            predictions=["Habari"], references=["Swahilli"], model=model, tokenizer=tokenizer
        )


def test_without_evaluate_the_pip_line_is_given():
    script = """
import sys
sys.modules["evaluate"] = None
from optimum_multilingual.errors import MissingPackageError
import optimum_multilingual
try:
    optimum_multilingual.MultilingualPerplexity
except MissingPackageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert 'pip install "optimum-multilingual[evaluate]"' in done.stdout, done.stderr
