"""What a task must say of its items, and that both passes are asked the same questions."""

import numpy as np
import pytest
from local_tasks import order_items, write_task
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig
from optimum_multilingual.errors import ConfigError
from optimum_multilingual.evaluation.downstream import prepare_downstream
from optimum_multilingual.languages import find_languages

pytest.importorskip("lm_eval")

FUNCTIONS = """
def probability(doc, results):
    return {"acc": 0.7}

def words(doc, results):
    return {"acc": ["NOUN", "VERB"]}

def right(doc, results):
    return {"acc": 1.0, "exact_match": 0}

def share_of_words(items):
    return 0.5
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
    return tmp_path


def write_with_functions(folder, name, **functions):
    """A task whose YAML names Python functions, as the harness's own tasks do."""
    write_task(folder, name, order_items("en"))
    path = folder / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    for key, function in functions.items():
        if key == "aggregation":
            text = text.replace("aggregation: mean", f"aggregation: !function functions.{function}")
        else:
            text += f"{key}: !function functions.{function}\n"
    path.write_text(text, encoding="utf-8")


def prepare(folder, tokenizer, *tasks):
    settings = EvaluationConfig(task_folder=folder, tasks=tasks)
    return prepare_downstream(settings, find_languages(["en"]), tokenizer)


def test_both_passes_and_the_harness_itself_see_the_same_examples(folder, tiny_model_path, tokenizer):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    items = order_items("en") + order_items("sw")
    write_task(folder, "shots", items, num_fewshot=3, fewshot_split="test", doc_to_text="Text:")
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)

    downstream = prepare(folder, tokenizer, "shots=en")
    before, after = (downstream.answers(model)["shots"].right for _ in range(2))

    assert np.array_equal(before, after)
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, softmax_dtype="float32")
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    samples = simple_evaluate(model=wrapped, tasks=["shots"], task_manager=manager)["samples"]["shots"]
    assert before.tolist() == [sample["acc"] == 1 for sample in samples]


def test_a_measure_that_is_no_mean_of_items_is_refused_before_anything_runs(folder, tokenizer):
    write_with_functions(folder, "tags", process_results="words", aggregation="share_of_words")

    with pytest.raises(ConfigError, match=r"'tags' has no measure .* it has acc \(no mean\)\. Choose other tasks"):
        prepare(folder, tokenizer, "tags=en")


def test_an_item_that_is_neither_right_nor_wrong_is_refused(folder, tokenizer, random_llama):
    write_with_functions(folder, "mass", process_results="probability")
    downstream = prepare(folder, tokenizer, "mass=en")

    with pytest.raises(ConfigError, match=r"'mass' says of an item acc = 0\.7, .*choose other tasks"):
        downstream.answers(random_llama(vocab_size=len(tokenizer)))


def test_whole_numbers_written_as_fractions_are_right_and_wrong(folder, tokenizer, random_llama):
    write_with_functions(folder, "whole", process_results="right")

    answers = prepare(folder, tokenizer, "whole=en").answers(random_llama(vocab_size=len(tokenizer)))

    assert answers["whole"].right.all()
