"""Downstream tasks by lm-evaluation-harness itself, on tasks of this machine."""

import numpy as np
import pytest
import torch
from local_tasks import ITEMS, write_tasks
from one_line import SMALL, quantize
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, evaluate_checkpoints
from optimum_multilingual.errors import ConfigError, CorpusError
from optimum_multilingual.evaluation.downstream import prepare_downstream
from optimum_multilingual.languages import find_languages

pytest.importorskip("lm_eval")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("downstream") / "tasks")


@pytest.fixture(scope="module")
def worse_model_path(tiny_model_path, tokenizer, tmp_path_factory):
    """The small model with noise on its weights."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            noise = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
            parameter += 3 * noise * parameter.float().std(correction=0).to(parameter.dtype)
    folder = tmp_path_factory.mktemp("worse")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def report(tiny_model_path, worse_model_path, tasks):
    evaluation = EvaluationConfig(
        tokens_per_language=300, bootstrap_draws=100, tasks=["order", "coin=en"], task_folder=tasks
    )
    return evaluate_checkpoints(tiny_model_path, worse_model_path, ["en", "sw", "zh"], evaluation=evaluation)


def harness_results(path, tokenizer, tasks):
    """What lm-evaluation-harness says of a checkpoint by itself."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    model = HFLM(pretrained=AutoModelForCausalLM.from_pretrained(path), tokenizer=tokenizer, softmax_dtype="float32")
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    return simple_evaluate(model=model, tasks=["order_en", "order_sw", "coin"], task_manager=manager)


def test_accuracies_and_errors_are_those_of_the_harness(report, tiny_model_path, worse_model_path, tokenizer, tasks):
    before, after = (harness_results(path, tokenizer, tasks) for path in (tiny_model_path, worse_model_path))

    assert {score.task for score in report.tasks} == {"order_en", "order_sw", "coin"}
    for score in report.tasks:
        for results, value, error in (
            (before, score.reference, score.reference_error),
            (after, score.quantized, score.quantized_error),
        ):
            assert value == pytest.approx(results["results"][score.task]["acc,none"])
            assert error == pytest.approx(results["results"][score.task]["acc_stderr,none"])
        right = [[sample["acc"] for sample in each["samples"][score.task]] for each in (before, after)]
        assert score.lost == sum(a > b for a, b in zip(*right, strict=True))
        assert score.gained == sum(a < b for a, b in zip(*right, strict=True))


def test_a_task_that_the_reference_guesses_is_left_out(report):
    scores = {score.task: score for score in report.tasks}

    assert scores["coin"].verdict == "at chance"
    assert scores["coin"].chance == 0.5
    assert scores["order_en"].above_chance
    assert "corrected for 2 after Holm" in str(report)
    assert "no task in: Chinese" in str(report)


def test_damage_is_seen(report):
    scores = {score.task: score for score in report.tasks}

    assert scores["order_en"].items == ITEMS
    assert scores["order_en"].lost > scores["order_en"].gained
    assert scores["order_en"].flips == (scores["order_en"].lost + scores["order_en"].gained) / ITEMS


def test_the_one_line_runs_tasks_before_and_after(tiny_model_path, tasks, own_cache):
    evaluation = EvaluationConfig(
        tokens_per_language=500, bootstrap_draws=100, tasks=["order_sw"], task_folder=tasks, task_limit=10
    )

    model = quantize(tiny_model_path, **{**SMALL, "evaluation": evaluation})

    (score,) = model.multilingual_report.tasks
    assert (score.task, score.language, score.items) == ("order_sw", "swh_Latn", 10)
    assert score.reference > 0.5


def prepare(folder, tokenizer, **settings):
    settings = EvaluationConfig(task_folder=folder, **settings)
    return prepare_downstream(settings, find_languages(["en"]), tokenizer)


def test_a_task_without_right_and_wrong_is_refused_before_anything_runs(tasks, tokenizer):
    with pytest.raises(ConfigError, match=r"'essay' has no measure .* it has bleu"):
        prepare(tasks, tokenizer, tasks=["essay=en"])


def test_a_task_whose_data_is_missing_is_named(tmp_path, tokenizer):
    folder = write_tasks(tmp_path / "tasks")
    (folder / "coin.jsonl").unlink()

    with pytest.raises(CorpusError, match="'coin' could not be loaded"):
        prepare(folder, tokenizer, tasks=["coin=en"])


def test_a_task_folder_that_is_none_is_refused(tmp_path, tokenizer):
    with pytest.raises(ConfigError, match="is no folder"):
        prepare(tmp_path / "nothing", tokenizer, tasks=["coin=en"])


def test_the_users_tokenizer_is_left_alone(tasks, tokenizer, random_llama, word_tokenizer):
    words = word_tokenizer("heads tails", eos_token="</s>")

    downstream = prepare(tasks, words, tasks=["coin=en"], task_limit=4)
    answers = downstream.answers(random_llama())

    assert words.pad_token is None
    assert answers["coin"].right.dtype == np.bool_
    assert len(answers["coin"].right) == 4
