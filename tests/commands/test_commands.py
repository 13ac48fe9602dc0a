"""The verbs of `optimum-cli multilingual`."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from optimum_multilingual import CalibrationSet, MultilingualReport

SMALL = ["--num-rows", "6", "--sequence-length", "32"]
QUICK = ["--evaluation-tokens", "300", "--bootstrap-draws", "100"]


def test_help_names_every_verb(cli):
    code, out, _ = cli("--help")
    assert code == 0
    assert all(verb in out for verb in ("languages", "calibrate", "quantize", "evaluate"))


@pytest.mark.parametrize("verb", ["languages", "calibrate", "quantize", "evaluate"])
def test_help_of_a_verb_shows_real_commands(cli, verb):
    code, out, _ = cli(verb, "--help")
    assert code == 0
    assert f"optimum-cli multilingual {verb}" in out.split("examples:")[1]


def test_without_a_verb_the_help_is_printed(cli):
    assert "languages" in cli()[1]


def test_steps_hand_files_to_each_other(cli, tiny_model_path, tmp_path):
    code, out, err = cli(
        "calibrate", tiny_model_path, "--weights", "en=2", "sw=1", *SMALL, "--output", tmp_path / "set"
    )
    assert code == 0, err
    rows = CalibrationSet.load(tmp_path / "set")
    assert rows.rows_of_languages() == {"eng_Latn": 4, "swh_Latn": 2} and rows.fingerprint[:16] in out

    code, out, err = cli(
        "quantize", tiny_model_path, "--calibration-set", tmp_path / "set", *QUICK, "--output", tmp_path / "model"
    )
    assert code == 0, err
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["multilingual_calibration"]["fingerprint"] == rows.fingerprint
    assert "Swahili (sw)" in out and (tmp_path / "model" / "tokenizer.json").is_file()

    report = tmp_path / "report.json"
    code, out, err = cli(
        "evaluate", tiny_model_path, tmp_path / "model", "--languages", "en", "sw", *QUICK, "--output", report
    )
    assert code == 0, err
    scores = MultilingualReport.load(report)
    assert scores.setting["method"] == "gptq" and scores.setting["compared"] == "model"
    assert scores.calibration["fingerprint"] == rows.fingerprint
    assert 0 < scores["en"].kl.mean.value < 0.1


def test_auto_and_presets_name_the_languages_of_a_set(cli, model_with_card, tmp_path):
    model = model_with_card("language: [sw, code, \\no, en]")
    code, _, err = cli("calibrate", model, "--languages", "auto", *SMALL, "--output", tmp_path / "none")
    assert code == 1 and "no Norwegian (nob_Latn)" in err

    for name in ("en", "sw", "nb", "code", "math", "fr", "zh", "xh", "st", "zu", "yo", "ig", "ha"):
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{name} {number} text of words" for number in range(200)))
    settings = ["--corpus", tmp_path, "--num-rows", "13", "--sequence-length", "32"]
    code, _, err = cli("calibrate", model, "--languages", "auto", "code", *settings, "--output", tmp_path / "auto")
    assert code == 0, err
    assert set(CalibrationSet.load(tmp_path / "auto").rows_of_languages()) == {
        *("swh_Latn", "nob_Latn", "eng_Latn", "code_Zyyy"),
    }
    preset = ["beyond-english-10-code-math", "no"]
    code, out, err = cli("calibrate", model, "--languages", *preset, *settings, "--output", tmp_path / "preset")
    assert code == 0, err
    assert set(CalibrationSet.load(tmp_path / "preset").rows_of_languages().values()) == {1}
    assert "math_Zmth" in out


def test_evaluating_a_model_against_itself_finds_no_difference(cli, tiny_model_path, tmp_path):
    report = tmp_path / "report.json"
    cli("evaluate", tiny_model_path, tiny_model_path, "--languages", "en", *QUICK, "--output", report)
    score = MultilingualReport.load(report)["en"]
    assert (score.relative_change.value, score.top1_agreement.value, score.verdict) == (0, 1, "unresolved")
    assert abs(score.kl.max) < 1e-6


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["calibrate", "MODEL", "--languages", "Swahilli", "--output", "OUT"], ["Swahilli", "Did you mean 'Swahili'"]),
        (["calibrate", "MODEL", "--output", "OUT"], ["empty", "languages="]),
        (["calibrate", "MODEL", "--languages", "eu24", "--output", "OUT"], ["'eu24'", "Did you mean 'eu-24'"]),
        (["calibrate", "MODEL", "--languages", "eu-24", "--output", "OUT"], ["no Bulgarian", "a folder"]),
        (["calibrate", "NO_CARD", "--languages", "auto", "--output", "OUT"], ["languages='auto'", "no README.md"]),
        (["quantize", "NO_CARD", "--languages", "auto", "--output", "OUT"], ["languages='auto'", "no README.md"]),
        (["evaluate", "NO_CARD", "MODEL", "--languages", "auto"], ["languages='auto'", "no README.md"]),
        (
            ["evaluate", "MODEL", "MODEL", "--languages", "flores-mid"],
            ["Ukrainian (ukr_Cyrl)", "Leave the language out"],
        ),
        (
            [
                "calibrate",
                "MODEL",
                "--languages",
                "en",
                "sw",
                "--mixture",
                "minimax",
                "--num-rows",
                "4",
                "--output",
                "OUT",
            ],
            ["minimax", "a model in memory", "quantize"],
        ),
        (
            ["quantize", "MODEL", "--languages", "en", "sw", "--search-steps", "3", "--output", "OUT"],
            ["mixture='minimax'"],
        ),
        (["calibrate", "MODEL", "--weights", "en", "--output", "OUT"], ["LANGUAGE=NUMBER", "'en'"]),
        (["calibrate", "MODEL", "--weights", "en=1", "--mixture", "proportional", "--output", "OUT"], ["one of them"]),
        (["quantize", "MODEL", "--languages", "en", "--method", "magic", "--output", "OUT"], ["'magic'", "gptq"]),
        (["quantize", "MODEL", "--languages", "en", "--output", "FULL"], ["not empty", "new folder"]),
        (["calibrate", "MODEL", "--languages", "en", "--output", "FULL"], ["not empty", "new folder"]),
        (["evaluate", "MODEL", "MODEL", "--languages", "he"], ["Hebrew", "heb_Hebr"]),
        (["evaluate", "MODEL", "NOWHERE", "--languages", "en"], ["nowhere"]),
        (["calibrate", "MODEL", "--languages", "en,Swahilli", "--output", "OUT"], ["Did you mean 'Swahili'"]),
        (["evaluate", "MODEL", "MODEL", "--languages", "en", "--output", "REPORT"], ["exists", "another name"]),
        (["quantize", "NOWHERE", "--languages", "en", "--output", "OUT"], ["nowhere"]),
        (
            ["evaluate", "MODEL", "MODEL", "--languages", "en", "--output", "NO_FOLDER"],
            ["does not exist", "make it first"],
        ),
        (["evaluate", "MODEL", "DAMAGED", "--languages", "en"], ["calibration_manifest.json", "no whole manifest"]),
    ],
)
def test_mistakes_end_with_one_line_and_exit_code_1(cli, tiny_model_path, model_with_card, tmp_path, arguments, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("here")
    places = {"MODEL": tiny_model_path, "OUT": tmp_path / "out", "FULL": tmp_path / "full"}
    places |= {
        "NOWHERE": tmp_path / "nowhere",
        "NO_FOLDER": tmp_path / "no" / "report.json",
        "DAMAGED": tmp_path / "damaged",
    }
    places["REPORT"] = tmp_path / "report.json"
    places["REPORT"].write_text("{}")
    shutil.copytree(tiny_model_path, tmp_path / "damaged")
    (tmp_path / "damaged" / "calibration_manifest.json").write_text("{")
    places["NO_CARD"] = model_with_card(None)
    code, _, err = cli(*(places.get(argument, argument) for argument in arguments))
    assert code == 1
    message = err.strip().splitlines()[-1]
    assert message.startswith("error: ") and all(word in message for word in words), err
    assert "Traceback" not in err


def test_a_quantized_model_is_refused_with_what_to_do(cli, tiny_model_path, tmp_path):
    arguments = ["--languages", "en", "--num-rows", "2", "--sequence-length", "32", "--no-evaluation", "--output"]
    assert cli("quantize", tiny_model_path, *arguments, tmp_path / "once")[0] == 0
    code, _, err = cli("quantize", tmp_path / "once", *arguments, tmp_path / "twice")
    assert code == 1 and "already quantized (gptq)" in err and "multilingual evaluate" in err
    assert not (tmp_path / "twice").exists()


def test_two_tokenizers_are_not_compared(cli, tiny_model_path, tmp_path, random_llama):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    random_llama().save_pretrained(tmp_path)
    words = Tokenizer(models.WordLevel({"<s>": 0, "word": 1}, unk_token="<s>"))
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>").save_pretrained(tmp_path)
    code, _, err = cli("evaluate", tiny_model_path, tmp_path, "--languages", "en")
    assert code == 1 and "another tokenizer" in err


def test_a_set_is_verified_from_its_manifest(cli, tiny_model_path, tmp_path):
    cli("calibrate", tiny_model_path, "--languages", "sw", "en", *SMALL, "--output", tmp_path / "set")
    manifest = tmp_path / "set" / "calibration_manifest.json"
    code, out, err = cli("calibrate", tiny_model_path, "--verify", manifest)
    assert code == 0 and out.startswith("identical: 6 rows"), err

    changed = json.loads(manifest.read_text())
    changed["seed"] = 7
    manifest.write_text(json.dumps(changed))
    code, out, _ = cli("calibrate", tiny_model_path, "--verify", manifest)
    assert code == 1 and out.startswith("different: ")


def test_a_published_setting_is_taken_by_name(cli, tiny_model_path, tmp_path):
    code, _, err = cli("calibrate", tiny_model_path, "--published", "beyond-english/sw", "--output", tmp_path / "set")
    assert code == 1 and "Swahili (swh_Latn) has too little calibration text" in err
    languages = ["--published", "beyond-english/sw", "--languages", "en"]
    code, _, err = cli("calibrate", tiny_model_path, *languages, "--output", tmp_path / "set")
    assert code == 1 and "--published beyond-english/sw says languages itself" in err


def test_nonsense_is_built_and_shown(cli, tiny_model_path, tmp_path):
    arguments = ["--nonsense", "random-tokens", *SMALL, "--output", tmp_path / "set"]
    code, out, err = cli("calibrate", tiny_model_path, *arguments)
    assert code == 0 and "zxx_Zyyy" in out, err
    code, out, err = cli("calibrate", tiny_model_path, "--verify", tmp_path / "set")
    assert code == 0 and out.startswith("identical: 6 rows"), err
    quantize = ["quantize", tiny_model_path, "--calibration-set", tmp_path / "set", "--output", tmp_path / "model"]
    code, _, err = cli(*quantize)
    assert code == 1 and "holds no language" in err and "--evaluation-languages" in err
    code, _, err = cli("calibrate", tiny_model_path, "--nonsense", "random-tokens", "--output", tmp_path / "other")
    assert code == 1 and "--num-rows and --sequence-length" in err


def test_a_set_is_handed_to_other_tools(cli, tiny_model_path, tmp_path):
    cli("calibrate", tiny_model_path, "--languages", "sw", "en", *SMALL, "--output", tmp_path / "set")
    for form, file in {"text": "calibration.swh_Latn.txt", "safetensors": "calibration.safetensors"}.items():
        arguments = ["--tokenizer", tiny_model_path, "--output", tmp_path / form]
        code, out, err = cli("export", tmp_path / "set", "--to", form, *arguments)
        assert code == 0 and "6 rows saved" in out, err
        assert (tmp_path / form / file).is_file()
    code, _, err = cli("export", tmp_path / "set", "--to", "text", "--output", tmp_path / "another")
    assert code == 1 and "--tokenizer" in err


def test_a_checkpoint_that_lacks_a_weight_is_not_measured_with_a_random_one(cli, tiny_model_path, tmp_path):
    shutil.copytree(tiny_model_path, tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    del weights["model.layers.1.mlp.down_proj.weight"]
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    code, _, err = cli("evaluate", tiny_model_path, tmp_path / "model", "--languages", "en", *QUICK)
    assert code == 1 and "lacks 1 weights" in err and "model.layers.1.mlp.down_proj.weight" in err


def test_a_set_of_files_is_not_verified_against_another_corpus(cli, tiny_model_path, tmp_path):
    (tmp_path / "sw.txt").write_text("\n".join(f"habari {number} za asubuhi" for number in range(400)))
    arguments = ["--corpus", tmp_path, "--languages", "sw", *SMALL, "--keep-duplicates"]
    code, _, err = cli("calibrate", tiny_model_path, *arguments, "--output", tmp_path / "set")
    assert code == 0, err
    manifest = tmp_path / "set" / "calibration_manifest.json"
    code, _, err = cli("calibrate", tiny_model_path, "--verify", manifest)
    assert code == 1 and "give the same one as --corpus" in err
    assert cli("calibrate", tiny_model_path, "--verify", manifest, "--corpus", tmp_path)[0] == 0
