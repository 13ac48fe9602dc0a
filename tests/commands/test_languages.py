"""`optimum-cli multilingual languages` lists, searches, shows presets, and measures fertility."""

import subprocess
import sys
import time

import pytest

from optimum_multilingual.presets import find_preset, preset_names


def table(out):
    """The rows of a table, as words, without its head."""
    return [line.split() for line in out.splitlines()[1:]]


def test_without_options_the_corpus_is_listed(cli):
    code, out, _ = cli("languages")
    assert code == 0 and "swh_Latn" in out and len(table(out)) == 18


def test_a_search_goes_beyond_the_corpus(cli):
    assert table(cli("languages", "--search", "zulu")[1]) == [["zul_Latn", "zu", "-", "Zulu"]]


@pytest.mark.parametrize(
    ("text", "tag"),
    [("ISIZULU", "zul_Latn"), ("日本", "jpn_Jpan"), ("prs", "prs_Arab"), ("mathem", "math_Zmth"), ("acm_", "acm_Arab")],
)
def test_a_search_knows_native_names_codes_and_domains(cli, text, tag):
    assert tag in [row[0] for row in table(cli("languages", "--search", text)[1])]


def test_a_search_that_finds_nothing_says_so(cli):
    code, out, err = cli("languages", "--search", "klingonese")
    assert (code, out) == (1, "")
    assert err.startswith("error: No language has 'klingonese' in its code or its name; try a shorter part")


def test_presets_are_listed_with_their_sizes(cli):
    rows = {row[0]: row[1] for row in table(cli("languages", "--presets")[1])}
    assert set(rows) == {*preset_names(), "auto"}
    assert rows["eu-24"] == "24" and rows["auto"] == "-"


def test_a_preset_is_shown_in_its_order_with_its_source(cli):
    code, out, _ = cli("languages", "--preset", "beyond-english-10-code-math")
    head, body = out.split("\n\n")
    assert code == 0 and "Source: Chimoto" in head
    assert [row[1] for row in table(body)] == list(find_preset("beyond-english-10-code-math").languages)
    assert [row[2] for row in table(body)[:3]] == ["yes", "yes", "yes"]


def test_a_folder_says_which_languages_of_a_preset_it_has(cli, tmp_path):
    for name in ("mt.txt", "Irish.jsonl", "code.txt"):
        (tmp_path / name).write_text("text")
    out = cli("languages", "--preset", "eu-24", "--corpus", tmp_path)[1]
    assert {row[0] for row in table(out.split("\n\n")[1]) if row[2] == "yes"} == {"mlt_Latn", "gle_Latn"}
    assert ["code_Zyyy", "code", "yes", "Source", "code"] in table(cli("languages", "--corpus", tmp_path)[1])


def test_fertility_is_sorted_by_tokens_relative_to_english(cli, tiny_model_path):
    code, out, err = cli("languages", "--tokenizer", tiny_model_path)
    rows = table(out)
    assert code == 0, err
    assert len(rows) == 18 and rows[-1] == [*rows[-1][:3], "1.00", "0.0%", "English"]
    times = [float(row[3]) for row in rows]
    assert times == sorted(times, reverse=True)


def test_fertility_of_a_preset_compares_with_english_and_names_what_is_missing(cli, tiny_model_path):
    out = cli("languages", "--preset", "salamandra-35", "--tokenizer", tiny_model_path)[1]
    assert {"deu_Latn", "eng_Latn", "fra_Latn", "por_Latn", "rus_Cyrl", "spa_Latn"} == {
        row[0] for row in table(out.split("\n\n")[1])
    }
    assert "Not in the corpus, so not measured: bul_Cyrl, cat_Latn" in out


def test_fertility_of_a_search_without_english_is_relative_to_english(cli, tiny_model_path):
    rows = table(cli("languages", "--search", "swahili", "--tokenizer", tiny_model_path)[1].split("\n\n")[0])
    assert rows[0][0] == "swh_Latn" and 1 < float(rows[0][3]) < 2


def test_fertility_of_a_corpus_that_is_not_parallel_is_sorted_by_tokens_per_byte(cli, tiny_model_path, tmp_path):
    (tmp_path / "en.jsonl").write_text('{"words": "the morning"}\n')
    (tmp_path / "hi.jsonl").write_text('{"words": "नमस्ते"}\n', encoding="utf-8")
    arguments = ["--corpus", tmp_path, "--text-column", "words", "--tokenizer", tiny_model_path]
    rows = table(cli("languages", *arguments)[1])
    assert {row[0] for row in rows} == {"eng_Latn", "hin_Deva"}
    assert [row[3] for row in rows] == ["-", "-"]
    assert float(rows[0][1]) >= float(rows[1][1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "eu24"], ["No preset is called 'eu24'", "Did you mean 'eu-24'", "flores-low"]),
        (["--preset", "auto"], ["'auto' is another list for every model", "name another preset"]),
        (["--presets", "--tokenizer", "any"], ["--presets lists none", "--preset NAME"]),
        (["--tokenizer", "EMPTY"], ["No tokenizer could be loaded", "save_pretrained"]),
        (["--corpus", "EMPTY"], ["no file named after a language"]),
    ],
)
def test_mistakes_end_with_one_line_and_exit_code_1(cli, tmp_path, arguments, words):
    code, _, err = cli("languages", *(tmp_path if each == "EMPTY" else each for each in arguments))
    assert code == 1 and err.startswith("error: ") and len(err.strip().splitlines()) == 1
    assert [word for word in words if word not in err] == []


def test_only_one_of_search_and_presets_is_taken(cli):
    code, _, err = cli("languages", "--search", "en", "--preset", "eu-24")
    assert code == 2 and "not allowed with argument --search" in err


def test_the_help_starts_in_under_half_a_second():
    script = "import sys, optimum_multilingual.commands.multilingual"
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
