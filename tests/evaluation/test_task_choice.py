import pytest
from local_tasks import write_tasks

from optimum_multilingual.errors import ConfigError, LanguageError
from optimum_multilingual.evaluation.task_choice import choose_tasks, task_language
from optimum_multilingual.languages import find_languages

pytest.importorskip("lm_eval")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    from lm_eval.tasks import TaskManager

    folder = write_tasks(tmp_path_factory.mktemp("choice") / "tasks")
    return TaskManager(include_path=str(folder), include_defaults=False).task_index


@pytest.mark.parametrize(
    ("name", "dataset", "expected"),
    [
        ("belebele_swh_Latn", "swh_Latn", "swh_Latn"),
        ("belebele_zho_Hant", "zho_Hant", "cmn_Hant"),
        ("xstorycloze_sw", "sw", "swh_Latn"),
        ("global_mmlu_full_am_anatomy", "am", "amh_Ethi"),
        ("afrixnli_en_direct_orm", "orm", "gaz_Latn"),
        ("global_piqa_parallel_cloze_fra_latn_cana", None, "fra_Latn"),
        ("lambada_openai_mt_de", "de", "deu_Latn"),
        ("mgsm_direct_zh", None, "cmn_Hans"),
        ("wmt16-ro-en", None, None),
        ("arc_challenge", "ARC-Challenge", None),
        ("xwinograd_jp", "jp", None),
    ],
)
def test_names_tell_the_language(name, dataset, expected):
    language = task_language(name, dataset)

    assert (language and language.tag) == expected


def chosen(names, index, languages=("en", "sw")):
    return {name: language.short for name, language in choose_tasks(names, find_languages(languages), index).items()}


def test_of_a_group_the_tasks_in_measured_languages_are_run(index):
    assert chosen(["order"], index) == {"order_en": "en", "order_sw": "sw"}
    assert chosen(["order"], index, ["sw", "zh"]) == {"order_sw": "sw"}
    assert chosen(["quizzes"], index, ["en", "zh"]) == {"order_en": "en"}


def test_tasks_of_a_group_without_a_language_are_named(index, caplog):
    chosen(["order"], index)

    assert "order_nowhere" in caplog.text
    assert "order_nowhere=sw" in caplog.text


def test_a_task_named_itself_is_run_in_any_language(index):
    assert chosen(["order_sw", "coin=fr"], index, ["en"]) == {"order_sw": "sw", "coin": "fr"}


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["ordr"], ConfigError, "no task 'ordr'. Did you mean 'order'"),
        (["coin"], LanguageError, "coin=sw"),
        (["coin=nowhere"], LanguageError, "nowhere"),
        (["changed"], ConfigError, "changes num_fewshot of its tasks"),
    ],
)
def test_names_that_cannot_be_run_are_refused(index, names, error, message):
    with pytest.raises(error, match=message):
        chosen(names, index)


def test_a_group_without_measured_languages_is_refused(index):
    with pytest.raises(ConfigError, match="None of the 3 tasks of 'order' is in a language that is measured"):
        chosen(["order"], index, ["fr"])
