"""Downstream tasks on this machine, in the form of lm-evaluation-harness: which of two texts is written in its own order?"""

import json
import random

import yaml

from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.languages import find_language

ITEMS = 30


def write_tasks(folder):
    """Group `order` of order_en, order_sw and order_nowhere, tag `quizzes`, task `coin`, whose answers are drawn, and `essay`."""
    folder.mkdir()
    for language in ("en", "sw"):
        write_task(folder, f"order_{language}", order_items(language), tag="quizzes")
    write_task(folder, "order_nowhere", order_items("en"))
    write_task(folder, "coin", coin_items())
    write_task(folder, "essay", order_items("en"), metric_list=[{"metric": "bleu"}], output_type="generate_until")
    write(
        folder,
        "order",
        {"group": "order", "task": ["order_en", {"task": "order_sw", "task_alias": "sw"}, "order_nowhere"]},
    )
    write(folder, "changed", {"group": "changed", "task": [{"task": "order_en", "num_fewshot": 3}]})
    return folder


def order_items(language):
    corpus, generator = open_corpus("embedded"), random.Random(0)
    items = []
    for document in corpus.documents(find_language(language)):
        words = document.text.split()[:12]
        mixed = generator.sample(words, len(words))
        items.append({"choices": [" ".join(words), " ".join(mixed)], "answer": 0})
    return items[:ITEMS]


def coin_items():
    generator = random.Random(1)
    return [{"choices": ["heads", "tails"], "answer": generator.randrange(2)} for _ in range(ITEMS)]


def write_task(folder, name, items, **settings):
    data = folder / f"{name}.jsonl"
    data.write_text("".join(f"{json.dumps(item)}\n" for item in items), encoding="utf-8")
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "",
        "doc_to_choice": "choices",
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        **settings,
    }
    write(folder, name, task)


def write(folder, name, values):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
