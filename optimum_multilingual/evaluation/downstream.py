"""Downstream tasks of lm-evaluation-harness on a model in memory, answered item by item."""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..backends.quiet import quiet_import
from ..errors import ConfigError, CorpusError, MissingPackageError
from ..evaluation_config import EvaluationConfig
from ..languages import Language
from .processes import Processes
from .scoring import eager
from .task_choice import choose_tasks

# Measures that say of each item whether it was answered right, the first that a task has is taken.
RIGHT_OR_WRONG = ("acc", "exact_match", "acc_norm")

# What `simple_evaluate` of lm-evaluation-harness draws examples with.
FEW_SHOT_SEED = 1234


@dataclass(frozen=True)
class Task:
    """One downstream task.

    Args:
        name: as lm-evaluation-harness has it.
        language: of its items.
        metric: which says of each item whether it was answered right.
        loaded: the task object of lm-evaluation-harness, with its data.
    """

    name: str
    language: Language
    metric: str
    loaded: Any


@dataclass(frozen=True)
class Answers:
    """How one model did on one task.

    Args:
        right: whether each item was answered right, shape [items].
        chance: the share that guessing gets right: the mean of 1 / choices, and 0 where the answer is free text.
    """

    right: np.ndarray
    chance: float


@dataclass(frozen=True)
class Downstream:
    """The tasks to run on both models.

        >>> downstream = prepare_downstream(settings, languages, tokenizer)
        >>> before = downstream.answers(model)["belebele_swh_Latn"].right.mean()

    Args:
        tasks: each with its language and data.
        tokenizer: of both models.
        batch_size: items in one forward pass.
        limit: items of each task; None for all.
    """

    tasks: tuple[Task, ...]
    tokenizer: Any
    batch_size: int
    limit: int | None

    def answers(self, model: Any) -> dict[str, Answers]:
        """Runs every task on a model; under `accelerate launch` every process runs its share and gets the answers of all.

        Raises:
            ConfigError: a task says of an item something else than right or wrong.
            ProcessError: another process failed.
        """
        processes = Processes.current()
        mine = [task for _, task in processes.share(self.tasks)]

        def run() -> dict[Any, Any]:
            return _run(mine, model, self) if mine else {}

        return processes.together(run)


def prepare_downstream(
    settings: EvaluationConfig, languages: Collection[Language], tokenizer: Any
) -> Downstream | None:
    """Finds the tasks and loads their data, before anything is known of a model; None where no tasks are asked for.

    Raises:
        MissingPackageError: lm-evaluation-harness is not installed.
        ConfigError, LanguageError: as in `choose_tasks`; or a task has no measure that says right or wrong.
        CorpusError: the data of a task cannot be loaded.
    """
    if not settings.tasks:
        return None
    manager = _task_manager(settings)
    chosen = choose_tasks(settings.tasks, languages, manager.task_index)
    tasks = []
    for name, language in chosen.items():
        loaded = _load(manager, name)
        tasks.append(Task(name, language, _metric(name, loaded), loaded))
    batch_size = max(1, settings.batch_tokens // (settings.sequence_length or settings.batch_tokens))
    # lm-evaluation-harness gives the tokenizer a padding token if it has none.
    return Downstream(tuple(tasks), copy.deepcopy(tokenizer), batch_size, settings.task_limit)


def _task_manager(settings: EvaluationConfig) -> Any:
    try:
        with quiet_import():
            from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise MissingPackageError(
            'Downstream tasks need lm-evaluation-harness, which is not installed. Run: pip install "optimum-multilingual[tasks]"'
        ) from error
    folder = settings.task_folder
    if folder is None:
        return TaskManager()
    if not Path(folder).is_dir():
        raise ConfigError(
            f"evaluation.task_folder {folder} is no folder; give the one that holds the tasks' YAML files."
        )
    own = TaskManager(include_path=str(folder), include_defaults=False)
    # Reading the thousands of tasks that come with the harness takes seconds.
    names = {given.partition("=")[0] for given in settings.tasks}
    return own if names <= set(own.all_subtasks) else TaskManager(include_path=str(folder))


def _load(manager: Any, name: str) -> Any:
    try:
        return manager.load([name])["tasks"][name]
    except Exception as error:  # what a task runs to get its data may raise anything
        raise CorpusError(
            f"The data of task {name!r} could not be loaded ({type(error).__name__}: {' '.join(str(error).split())[:300]}); "
            "leave the task out, or make its data reachable."
        ) from error


def _metric(name: str, loaded: Any) -> str:
    from lm_eval.api.metrics import mean

    measures = [item["metric"] for item in loaded.config.metric_list or ()]
    # A measure that is put together in another way, such as one over the words of all items, is none of single items.
    means = [measure for measure in measures if loaded.aggregation().get(measure) is mean]
    for metric in RIGHT_OR_WRONG:
        if metric in means:
            return metric
    raise ConfigError(
        f"Task {name!r} has no measure that says of each item whether it was answered right and whose mean is taken "
        f"({', '.join(RIGHT_OR_WRONG)}); it has "
        f"{', '.join(str(each) if each in means else f'{each} (no mean)' for each in measures) or 'none that is listed'}. "
        "Choose other tasks."
    )


def _run(tasks: list[Task], model: Any, downstream: Downstream) -> dict[str, Answers]:
    from lm_eval import evaluate
    from lm_eval.models.huggingface import HFLM

    for task in tasks:
        # Else each pass draws other examples for its prompts.
        task.loaded.set_fewshot_seed(FEW_SHOT_SEED)
    with _quiet_harness(), eager():
        # In 16 bits the log-likelihoods of two long answers are often equal, and the first one wins.
        wrapped = HFLM(
            pretrained=model,
            tokenizer=downstream.tokenizer,
            backend="causal",
            batch_size=downstream.batch_size,
            softmax_dtype="float32",
        )
        loaded = {"tasks": {task.name: task.loaded for task in tasks}}
        results = evaluate(wrapped, loaded, limit=downstream.limit, bootstrap_iters=0, log_samples=True)
    return {task.name: _answers(results["samples"][task.name], task) for task in tasks}


def _answers(samples: list[Mapping[str, Any]], task: Task) -> Answers:
    # A task that reads answers in several ways has each item once for each; the first way is the one it lists first.
    items = [sample for sample in samples if sample["filter"] == samples[0]["filter"]]
    items.sort(key=lambda sample: sample["doc_id"])
    guess = [1 / len(sample["resps"]) for sample in items]
    choices = task.loaded.config.output_type == "multiple_choice"
    right = [_is_right(sample[task.metric], task) for sample in items]
    return Answers(np.array(right), float(np.mean(guess)) if choices else 0.0)


def _is_right(value: Any, task: Task) -> bool:
    # Some tasks give a probability or a list of words under the name of a measure that others fill with 0 and 1.
    if isinstance(value, int | float | np.generic) and value in (0, 1):
        return bool(value)
    raise ConfigError(
        f"Task {task.name!r} says of an item {task.metric} = {str(value)[:100]}, and only 0 and 1 say whether it was "
        "answered right; choose other tasks."
    )


@contextmanager
def _quiet_harness() -> Iterator[None]:
    """Without the warnings of lm-evaluation-harness that a model in memory keeps its own device and type, as is wanted."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
