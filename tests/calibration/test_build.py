"""The promises of a calibration set, from the configuration to its rows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from built_sets import WHOLE_CORPUS, built, texts, texts_of_1000_bytes

from optimum_multilingual.corpora import Document
from optimum_multilingual.errors import ConfigError, CorpusError, CorpusExhaustedError, TokenizerError

MIXTURES = [
    {},
    {"mixture": "proportional"},
    {"mixture": "proportional", "temperature": 3.0},
    {"mixture": {"zh": 5, "en": 2.5, "sw": 0.5}},
]


@pytest.mark.parametrize("mixture", MIXTURES, ids=str)
@pytest.mark.parametrize("sequence_length", [16, 33, 100])
def test_every_row_has_exactly_the_asked_number_of_tokens(tokenizer, mixture, sequence_length):
    rows = built(tokenizer, num_rows=12, sequence_length=sequence_length, **mixture)

    assert rows.token_ids().shape == (12, sequence_length)
    assert rows.token_ids().dtype == np.int32
    assert rows.manifest.sequence_length == sequence_length


def test_every_row_is_of_one_language_whose_texts_it_holds(tokenizer):
    rows = built(tokenizer, languages=["en", "hi", "ko"], num_rows=9)

    scripts = {"eng_Latn": r"[a-z]", "hin_Deva": r"[\u0900-\u097f]", "kor_Hang": r"[\uac00-\ud7af]"}
    for row in rows:
        decoded = tokenizer.decode(row.input_ids)
        present = {tag for tag, letters in scripts.items() if len(re.findall(letters, decoded)) > 5}
        assert present == {row.language.tag}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"num_rows": 8}, {"eng_Latn": 4, "swh_Latn": 4}),
        ({"num_rows": 9}, {"eng_Latn": 5, "swh_Latn": 4}),
        ({"num_rows": 10, "mixture": "proportional"}, {"eng_Latn": 9, "swh_Latn": 1}),
        ({"num_rows": 8, "mixture": "proportional", "temperature": 2}, {"eng_Latn": 6, "swh_Latn": 2}),
        ({"num_rows": 8, "mixture": {"en": 3, "sw": 1}}, {"eng_Latn": 6, "swh_Latn": 2}),
        ({"num_rows": 8, "mixture": {"swh_Latn": 0.75, "English": 0.25}}, {"eng_Latn": 2, "swh_Latn": 6}),
        ({"num_rows": 8, "mixture": {"en": 1000, "sw": 1}}, {"eng_Latn": 7, "swh_Latn": 1}),
        ({"tokens_per_language": 64}, {"eng_Latn": 2, "swh_Latn": 2}),
        ({"tokens_per_language": 65}, {"eng_Latn": 3, "swh_Latn": 3}),
        ({"tokens_per_language": 1}, {"eng_Latn": 1, "swh_Latn": 1}),
    ],
    ids=str,
)
def test_rows_are_shared_as_asked(tokenizer, settings, expected):
    nine_to_one = {"en": texts_of_1000_bytes(9), "sw": texts_of_1000_bytes(1)}
    rows = built(tokenizer, ["en", "sw"], corpus=nine_to_one, evaluation=WHOLE_CORPUS, deduplicate=False, **settings)

    assert rows.rows_of_languages() == expected
    assert {tag: entry["rows"] for tag, entry in rows.manifest.languages.items()} == expected


def test_proportional_shares_count_only_the_text_that_may_be_calibrated_on(tokenizer):
    by_part = {"calibration": [], "evaluation": []}
    for text in texts_of_1000_bytes(200):
        by_part[Document.from_text("", text).part].append(text)
    corpus = {"en": by_part["calibration"][:18], "sw": by_part["calibration"][:6] + by_part["evaluation"][:30]}

    rows = built(tokenizer, ["en", "sw"], corpus=corpus, num_rows=8, mixture="proportional", deduplicate=False)

    assert rows.rows_of_languages() == {"eng_Latn": 6, "swh_Latn": 2}


@pytest.mark.parametrize("mixture", MIXTURES, ids=str)
def test_every_prefix_of_the_rows_is_balanced(tokenizer, mixture):
    rows = built(tokenizer, num_rows=20, sequence_length=16, **mixture)

    counts = rows.rows_of_languages()
    for length in range(len(rows) + 1):
        so_far = Counter(row.language.tag for row in rows.rows[:length])
        assert all(abs(so_far[tag] - Fraction(length * count, 20)) < 1 for tag, count in counts.items())


def test_uniform_rows_go_round_robin_in_the_order_of_the_languages(tokenizer):
    rows = built(tokenizer, languages=["sw", "zh", "en"], num_rows=9)

    assert [row.language.short for row in rows] == ["sw", "zh", "en"] * 3


def test_the_same_config_gives_the_same_set_in_another_process_and_folder(tokenizer, tiny_model_path, tmp_path):
    script = """if True:
        import sys
        from transformers import AutoTokenizer
        from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
        config = MultilingualCalibrationConfig(
            languages=["en", "sw", "zh"], sequence_length=32, num_rows=30, seed=5, mixture="proportional", temperature=2
        )
        print(build_calibration_set(config, AutoTokenizer.from_pretrained(sys.argv[1])).fingerprint)
    """
    here = built(tokenizer, num_rows=30, seed=5, mixture="proportional", temperature=2)
    environment = {**os.environ, "PYTHONHASHSEED": "1234", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", script, str(tiny_model_path)]

    there = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)

    assert there.stdout.strip() == here.fingerprint


def test_the_same_files_in_another_folder_give_the_same_set(tokenizer, tmp_path):
    sets = []
    for folder in (tmp_path / "a", tmp_path / "b" / "c"):
        folder.mkdir(parents=True)
        for language, lines in texts(60).items():
            (folder / f"{language}.txt").write_text("\n".join(lines), encoding="utf-8")
        sets.append(built(tokenizer, ["en", "sw"], corpus=folder, num_rows=6))

    assert sets[0] == sets[1]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"sequence_length": 33}, {"num_rows": 13}, {"languages": ["sw", "en"]}]
)
def test_another_setting_gives_another_fingerprint(tokenizer, change):
    settings = {"languages": ["en", "sw"], "num_rows": 12, "sequence_length": 32}

    assert built(tokenizer, **{**settings, **change}).fingerprint != built(tokenizer, **settings).fingerprint


def test_adding_a_language_leaves_the_rows_of_the_others_alone(tokenizer):
    few = built(tokenizer, languages=["en", "sw"], num_rows=8)
    many = built(tokenizer, languages=["zh", "en", "yo", "sw"], num_rows=16)

    for tag in ("eng_Latn", "swh_Latn"):
        assert [row for row in many if row.language.tag == tag] == [row for row in few if row.language.tag == tag]
        assert many.manifest.documents[tag] == few.manifest.documents[tag]


def test_too_little_text_says_how_much_there_is_how_much_is_needed_and_the_ways_out(tokenizer):
    corpus = {"en": texts(500)["en"], "sw": texts(3)["sw"]}
    found = sum(
        len(ids) for ids in tokenizer([f"{text}\n" for text in corpus["sw"]], add_special_tokens=False).input_ids
    )

    with pytest.raises(CorpusExhaustedError) as info:
        built(tokenizer, ["en", "sw"], corpus=corpus, num_rows=100, evaluation=WHOLE_CORPUS)

    message = str(info.value)
    assert f"Swahili (swh_Latn) has too little calibration text: {found:,} tokens found" in message
    assert f"{50 * 31:,} needed" in message
    for way_out in (
        "corpus=",
        "num_rows",
        "tokens_per_language",
        "sequence_length",
        "mixture",
        "leave the language out",
    ):
        assert way_out in message


def test_exactly_enough_text_is_enough_and_one_token_less_is_not(word_tokenizer):
    tokenizer = word_tokenizer("word", bos_token="<s>")
    settings = {"languages": ["en"], "num_rows": 2, "sequence_length": 16, "evaluation": WHOLE_CORPUS}

    assert len(built(tokenizer, corpus={"en": ["word " * 30]}, **settings)) == 2
    with pytest.raises(CorpusExhaustedError, match="29 tokens found, 30 needed"):
        built(tokenizer, corpus={"en": ["word " * 29]}, **settings)


@pytest.mark.parametrize("mixture", ["uniform", "proportional"])
def test_a_language_whose_texts_are_all_blank_is_an_error_not_dropped(tokenizer, mixture):
    with pytest.raises(CorpusExhaustedError, match=r"Swahili \(swh_Latn\).*: 0 (tokens|bytes) found"):
        built(tokenizer, ["en", "sw"], corpus={"en": texts(90)["en"], "sw": [" ", "\n"]}, num_rows=4, mixture=mixture)


def test_a_language_the_corpus_lacks_is_an_error_that_names_those_it_has(tokenizer):
    with pytest.raises(CorpusError, match=r"has no Yoruba \(yor_Latn\).*eng_Latn, swh_Latn"):
        built(tokenizer, ["en", "yo"], corpus=texts(), num_rows=2)


def test_rows_beyond_the_models_maximum_are_refused(tokenizer):
    with pytest.raises(ConfigError, match="sequence_length=33 is beyond the model's maximum of 32 tokens"):
        built(tokenizer, num_rows=3, sequence_length=33, max_length=32)

    assert built(tokenizer, num_rows=3, sequence_length=32, max_length=32).token_ids().shape == (3, 32)


def test_the_default_length_bows_to_the_models_maximum(tokenizer):
    rows = built(tokenizer, sequence_length=None, max_length=100)

    assert rows.token_ids().shape[1] == 100


def test_every_row_begins_with_the_only_bos_token_in_it(tokenizer):
    html = {"en": [f"{text} <s>struck</s> out" for text in texts(60)["en"]]}
    rows = built(tokenizer, ["en"], corpus=html, num_rows=8).token_ids()

    assert (rows[:, 0] == tokenizer.bos_token_id).all()
    assert (rows == tokenizer.bos_token_id).sum() == len(rows)


def test_a_tokenizer_without_bos_gives_rows_of_text_alone(word_tokenizer):
    rows = built(word_tokenizer("a b"), ["en"], corpus={"en": ["a b " * 50]}, num_rows=2, evaluation=WHOLE_CORPUS)

    assert rows.manifest.prefix == []
    assert rows.token_ids().tolist() == [[1, 2] * 16] * 2


@pytest.mark.parametrize(("separator", "expected"), [("eos", True), ("newline", False)])
def test_the_eos_separator_puts_one_end_behind_every_document(tokenizer, separator, expected):
    rows = built(tokenizer, ["en"], corpus=texts(60), num_rows=8, document_separator=separator)

    text = tokenizer.decode(rows.token_ids()[:, 1:].ravel())
    ends = text.count("before noon.</s>The river") if expected else text.count("before noon.\nThe river")
    assert ends >= rows.manifest.languages["eng_Latn"]["documents"] - 1 > 0
    assert ("</s>" in text) == expected


def test_the_eos_separator_needs_an_eos_token(word_tokenizer):
    with pytest.raises(
        TokenizerError, match="document_separator='eos' needs a tokenizer with an end-of-sequence token"
    ):
        built(word_tokenizer("a"), ["en"], corpus={"en": ["a " * 99]}, num_rows=1, document_separator="eos")


def test_a_tokenizer_that_knows_no_word_of_a_language_is_refused(word_tokenizer):
    tokenizer = word_tokenizer("The river was high in year and nobody crossed it before noon.", bos_token="<s>")

    with pytest.raises(TokenizerError, match=r"cannot encode Swahili: \d+ of 64 tokens are unknown \('\[UNK\]'\)"):
        built(tokenizer, ["en", "sw"], corpus=texts(60), num_rows=4)
    assert len(built(tokenizer, ["en"], corpus=texts(60), num_rows=4)) == 4


def test_building_leaves_the_tokenizer_as_it_was(tokenizer):
    before = tokenizer.backend_tokenizer.to_str()

    built(tokenizer, num_rows=6)

    assert tokenizer.backend_tokenizer.to_str() == before
