"""Models that the commands cannot take, told by their config alone; and what is kept when saving fails."""

import json
import shutil
from pathlib import Path

import pytest

from optimum_multilingual import find_sweep
from optimum_multilingual.commands import sweep
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_languages

ROOT = Path(__file__).parent.parent.parent

SMALL = ["--languages", "en", "sw", "--num-rows", "6", "--sequence-length", "32"]
QUICK = ["--evaluation-tokens", "300", "--bootstrap-draws", "100"]
CODE = {"AutoConfig": "configuration_my.MyConfig", "AutoModelForCausalLM": "modeling_my.MyLM"}
CONFIGS = {
    "no causal language model": ({"model_type": "t5"}, ["is a t5 model", "AutoModelForCausalLM does not load"]),
    "unknown": ({"model_type": "newarch9"}, ["cannot be read", "newarch9", "this version of Transformers"]),
    "no type": ({"hidden_size": 8}, ["cannot be read", "model_type", "repair its config.json"]),
    "a value of another kind": ({"model_type": "llama", "hidden_size": "wide"}, ["cannot be read", "hidden_size"]),
    "no mapping": ([], ["cannot be read", "repair its config.json"]),
    "custom code": (
        {"model_type": "mything", "auto_map": CODE},
        ["custom code, which is not run here", "in Python", "trust_remote_code=True"],
    ),
}


@pytest.fixture
def model_of(tiny_model_path, tmp_path):
    """Makes a folder with a tokenizer and this config, and code that must not run."""

    def make(config):
        folder = tmp_path / "model"
        shutil.copytree(tiny_model_path, folder)
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "configuration_my.py").write_text("raise SystemExit('the code ran')\n")
        return folder

    return make


@pytest.mark.parametrize("config, words", CONFIGS.values(), ids=CONFIGS)
def test_a_model_that_cannot_be_read_is_refused_in_one_line(cli, model_of, tmp_path, config, words):
    model = model_of(config)
    for verb in ("quantize", "minimax", "activations"):
        code, out, err = cli(verb, model, *SMALL, *QUICK, "--output", tmp_path / "out")
        message = err.strip().splitlines()[-1]
        assert code == 1 and message.startswith("error: ") and all(word in message for word in words), out + err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("config, words", CONFIGS.values(), ids=CONFIGS)
def test_studies_with_a_folder_of_cells_refuse_it_too(cli, model_of, tmp_path, config, words):
    model, plan = model_of(config), tmp_path / "plan.json"
    settings, quantizers = {"en": {"languages": ["en"]}}, {"gptq": {"method": "gptq"}}
    plan.write_text(json.dumps({"settings": settings, "quantizers": quantizers, "bits": [4], "languages": ["en"]}))
    for arguments in (["size", model, *SMALL, *QUICK], ["sweep", model, "--plan", plan, *QUICK]):
        code, _, err = cli(*arguments, "--output", tmp_path / arguments[0])
        assert code == 1 and all(word in err.strip().splitlines()[-1] for word in words), err


def test_a_set_is_built_for_a_tokenizer_beside_a_config_nobody_knows(cli, model_of, tmp_path):
    code, _, err = cli("calibrate", model_of({"model_type": "newarch9"}), *SMALL, "--output", tmp_path / "set")
    assert code == 0, err


def test_a_folder_that_only_our_own_entry_says_is_quantized_is_refused(cli, model_of, tiny_model_path, tmp_path):
    config = json.loads((tiny_model_path / "config.json").read_text())
    model = model_of({**config, "multilingual_calibration": {"method": "quanto", "engine": "quanto"}})
    code, _, err = cli("quantize", model, *SMALL, *QUICK, "--output", tmp_path / "out")
    assert code == 1 and "already quantized (quanto)" in err and "multilingual evaluate" in err


def test_settings_of_generation_that_cannot_be_saved_are_refused_before_the_work(cli, tiny_model_path, tmp_path):
    shutil.copytree(tiny_model_path, tmp_path / "sloppy")
    (tmp_path / "sloppy" / "generation_config.json").write_text('{"temperature": 0.9}')
    code, out, err = cli("quantize", tmp_path / "sloppy", *SMALL, *QUICK, "--output", tmp_path / "out")
    assert code == 1 and "generation_config.json" in err and "do_sample=true" in err and out == ""


@pytest.mark.parametrize("verb", ["evaluate", "recover", "quantize"])
def test_a_folder_that_is_not_there_is_said_to_be_none(cli, tiny_model_path, tmp_path, verb):
    models = {
        "evaluate": [tiny_model_path, "missing/"],
        "recover": ["missing/", tiny_model_path],
        "quantize": ["missing/"],
    }
    output = [] if verb == "evaluate" else ["--output", tmp_path / "out"]
    languages = ["--languages", "en"] if verb == "evaluate" else SMALL
    code, _, err = cli(verb, *models[verb], *languages, *QUICK, *output)
    assert code == 1 and "There is no folder missing" in err.strip().splitlines()[-1], err


def test_a_reference_that_is_quantized_itself_is_told(cli, tiny_model_path, tmp_path, caplog):
    code, _, err = cli("quantize", tiny_model_path, *SMALL, *QUICK, "--no-evaluation", "--output", tmp_path / "out")
    assert code == 1 and "--bootstrap-draws" in err
    code, _, err = cli("quantize", tiny_model_path, *SMALL, "--no-evaluation", "--output", tmp_path / "out")
    assert code == 0, err
    code, _, err = cli("evaluate", tmp_path / "out", tiny_model_path, "--languages", "en", *QUICK)
    assert code == 0 and "is quantized itself (gptq)" in caplog.text, err


def test_reports_in_windows_of_other_lengths_say_so(cli, tiny_model_path, tmp_path):
    for name, windows in (("a.json", []), ("b.json", ["--evaluation-sequence-length", "64"])):
        languages = ["--languages", "en", *QUICK, *windows]
        code, _, err = cli("evaluate", tiny_model_path, tiny_model_path, *languages, "--output", tmp_path / name)
        assert code == 0, err
    code, _, err = cli("report", tmp_path / "a.json", tmp_path / "b.json")
    assert code == 1 and "windows of up to 512 and 64 tokens" in err and "--evaluation-sequence-length" in err


def test_a_report_is_printed_even_if_the_checkpoint_cannot_be_saved(cli, full_disk, tiny_model_path, tmp_path):
    with full_disk(1_000_000):
        code, out, err = cli("quantize", tiny_model_path, *SMALL, *QUICK, "--output", tmp_path / "out")
    assert code == 1 and "could not be written" in err and not (tmp_path / "out").exists(), err
    assert "Swahili (sw)" in out and "saved in" not in out


def test_sweeps_that_can_be_copied_name_a_corpus_that_has_their_languages():
    assert set(find_languages(find_sweep("beyond-english").languages)) - set(EmbeddedCorpus().languages())
    texts = [sweep.EXAMPLES, *(path.read_text("utf-8") for path in (ROOT / "README.md", ROOT / "docs" / "sweep.md"))]
    lines = [line for text in texts for line in text.replace("\\\n", " ").splitlines()]
    commands = [line for line in lines if "multilingual sweep me/model" in line]
    assert len(commands) == 7 and all("--corpus my_texts/" in command for command in commands)
