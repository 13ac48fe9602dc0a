"""The Hub's own files of results: one entry for each language whose text is a dataset of the Hub."""

import yaml
from huggingface_hub import parse_eval_result_entries
from written_reports import EVALUATION, broken, report_of, score

from optimum_multilingual.hub.eval_results import eval_result_files

CORPUS = {
    "kind": "hub",
    "name": "fineweb2",
    "repository": "o/fineweb-2",
    "revision": "a" * 40,
    "elsewhere": {"eng_Latn": {"name": "fineweb", "repository": "o/fineweb", "revision": "b" * 40}},
}


def files_of(*scores, corpus=CORPUS, revision=None):
    return eval_result_files(report_of(*scores, evaluation={**EVALUATION, "corpus": corpus}), "me/model", revision)


def test_each_language_is_an_entry_of_the_dataset_it_was_read_from():
    worse, better = score("swh_Latn", 0.05), score("eng_Latn", 0.01)
    files = files_of(worse, better, score("cmn_Hans", 0.02))
    assert sorted(files) == [".eval_results/multilingual_fineweb-2.yaml", ".eval_results/multilingual_fineweb.yaml"]
    first, second = parse_eval_result_entries(yaml.safe_load(files[".eval_results/multilingual_fineweb-2.yaml"]))
    assert (first.dataset_id, first.task_id, first.dataset_revision) == ("o/fineweb-2", "swh_Latn", "a" * 40)
    assert first.value == round(worse.quantized.bits_per_byte, 6) and second.task_id == "cmn_Hans"
    assert (
        first.notes
        == "bits per byte of held-out text; +5.00% (+4.00% .. +6.00%) against the model before quantization, damaged"
    )
    assert first.source_url == "https://huggingface.co/me/model/blob/main/multilingual_report.json"
    [english] = parse_eval_result_entries(yaml.safe_load(files[".eval_results/multilingual_fineweb.yaml"]))
    assert (english.dataset_id, english.dataset_revision) == ("o/fineweb", "b" * 40)


def test_they_link_the_report_of_the_branch_they_are_on():
    [content] = files_of(score("swh_Latn"), revision="v2").values()
    [entry] = parse_eval_result_entries(yaml.safe_load(content))
    assert entry.source_url == "https://huggingface.co/me/model/blob/v2/multilingual_report.json"


def test_a_broken_language_has_no_value_to_send():
    [content] = files_of(score("swh_Latn"), broken("yor_Latn")).values()
    assert [entry["dataset"]["task_id"] for entry in yaml.safe_load(content)] == ["swh_Latn"]


def test_text_that_is_not_on_the_hub_gives_no_file():
    assert files_of(score("swh_Latn"), corpus={"kind": "files", "files": {}}) == {}
