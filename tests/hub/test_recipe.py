"""How the card says a checkpoint is made again: settings that the command would refuse, lose or mistake."""

import re
import shlex
from dataclasses import replace

import pytest
from local_tasks import write_tasks
from one_line import quantize

from optimum_multilingual import EvaluationConfig
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.hub.card_text import card_content
from optimum_multilingual.hub.checkpoint_folder import CheckpointFolder
from optimum_multilingual.hub.model_card import CardFacts, Given
from optimum_multilingual.languages import find_language

SMALL = {"tokens_per_language": 300, "bootstrap_draws": 100}


def card_of(checkpoint, base_model="me/base"):
    return card_content(CardFacts.of(checkpoint, Given("me/model", base_model, None, False, None)))


def written(model, folder):
    model.save_pretrained(folder)
    return CheckpointFolder.read(folder)


def command_in(card):
    [command] = re.findall(r"```bash\n(optimum-cli multilingual quantize .*?)\n```", card, re.DOTALL)
    return shlex.split(command.replace("\\\n", " "))[2:]


def configuration_in(card):
    [code] = re.findall(r"```python\n(from transformers import AutoModelForCausalLM\n.*?)\n```", card, re.DOTALL)
    seen = {}

    class Loader:
        @staticmethod
        def from_pretrained(name, **keywords):
            seen.update(keywords)

    exec(code.replace("from transformers import AutoModelForCausalLM", ""), {"AutoModelForCausalLM": Loader})
    return seen["quantization_config"]


def test_groups_that_an_engine_chose_itself_are_not_asked_for(tiny_model_path, tmp_path, cli):
    no_set = {"num_rows": None, "sequence_length": None}
    model = quantize(tiny_model_path, "quanto", bits=4, evaluation=EvaluationConfig(**SMALL), **no_set)
    checkpoint = written(model, tmp_path / "out")
    assert checkpoint.provenance["group_size"] > 0
    words = command_in(card_of(checkpoint, str(tiny_model_path)))
    assert "--group-size" not in words
    code, _, err = cli(*[str(tmp_path / "again") if word == "out/" else word for word in words])
    assert code == 0, err
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("out", "again")]
    assert weights[0] == weights[1]


@pytest.fixture
def two_folders(tmp_path):
    """Two folders of other texts in files of the same names."""
    for language in ("en", "sw"):
        texts = [document.text for document in open_corpus("embedded").documents(find_language(language))]
        for name, part in (("calibration", texts[::2]), ("evaluation", texts[1::2])):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{language}.txt").write_text("\n".join(part), encoding="utf-8")
    return tmp_path / "calibration", tmp_path / "evaluation"


def test_text_to_measure_on_is_named_where_its_files_have_the_names_of_the_others(
    tiny_model_path, tmp_path, two_folders, cli
):
    calibration, evaluation = two_folders
    settings = {"languages": ["en", "sw"], "corpus": calibration}
    model = quantize(tiny_model_path, **settings, evaluation=EvaluationConfig(corpus=evaluation, **SMALL))
    checkpoint = written(model, tmp_path / "out")
    assert checkpoint.report.evaluation["corpus"] == checkpoint.manifest.corpus
    card = card_of(checkpoint, str(tiny_model_path))
    assert "`my_texts/` stands for a folder of text that is not published" in card
    places = {"my_texts/calibration/": calibration, "my_texts/evaluation/": evaluation, "out/": tmp_path / "again"}
    code, _, err = cli(*[str(places.pop(word, word)) for word in command_in(card)])
    assert code == 0 and not places, err
    for name in ("model.safetensors", "multilingual_report.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_windows_of_another_length_are_said(tiny_model_path, tmp_path):
    evaluation = EvaluationConfig(sequence_length=16, **SMALL)
    card = card_of(written(quantize(tiny_model_path, evaluation=evaluation), tmp_path / "out"))
    assert configuration_in(card).evaluation == evaluation
    said = command_in(card)
    assert said[said.index("--evaluation-sequence-length") + 1] == "16"


def test_windows_of_the_default_length_are_not_said(tiny_model_path, tmp_path):
    no_set = {"num_rows": None, "sequence_length": None}
    model = quantize(tiny_model_path, "int8-weight-only", evaluation=EvaluationConfig(**SMALL), **no_set)
    card = card_of(written(model, tmp_path / "out"))
    assert configuration_in(card).evaluation.sequence_length is None and command_in(card)


def test_as_many_items_of_tasks_are_asked_for_as_there_were(tiny_model_path, tmp_path):
    tasks = {"tasks": ["order_en=en"], "task_folder": write_tasks(tmp_path / "tasks"), "task_limit": 7}
    model = quantize(tiny_model_path, evaluation=EvaluationConfig(**tasks, **SMALL))
    card = card_of(written(model, tmp_path / "out"))
    assert configuration_in(card).evaluation.task_limit == 7
    words = command_in(card)
    assert words[words.index("--tasks") :][:4] == ["--tasks", "order_en=en", "--task-limit", "7"]


def test_text_of_a_repository_that_is_measured_on_is_opened_in_python(saved):
    described = {
        "kind": "hub",
        "name": "me/texts",
        "repository": "me/texts",
        "revision": "b" * 40,
        "files": "{code}/*.jsonl",
        "evaluation_files": None,
        "text_column": "body",
    }
    checkpoint = CheckpointFolder.read(saved)
    evaluation = {**checkpoint.report.evaluation, "corpus": described}
    card = card_of(replace(checkpoint, report=replace(checkpoint.report, evaluation=evaluation)))
    assert "optimum-cli multilingual quantize" not in card
    config = configuration_in(card)
    entry = config.evaluation.corpus.entry
    assert config.corpus == "embedded" and config.evaluation.bootstrap_draws == 100
    assert [getattr(entry, key) for key in ("repository", "revision", "files", "text_column")] == [
        "me/texts",
        "b" * 40,
        "{code}/*.jsonl",
        "body",
    ]
