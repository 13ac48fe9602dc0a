"""Places that cannot be written, devices that are not there and options that would do nothing are refused before any work."""

import os

import pytest
import torch

from optimum_multilingual import CalibrationSet
from optimum_multilingual.backends import all_capabilities
from optimum_multilingual.commands.early_checks import require_free_file, require_free_folder
from optimum_multilingual.errors import CheckpointError

SMALL = ["--num-rows", "6", "--sequence-length", "32"]
QUICK = ["--evaluation-tokens", "300", "--bootstrap-draws", "100"]
EN_SW = ["--languages", "en", "sw"]

# No model is at NOWHERE: what is refused before it is looked for costs no work.
VERBS_WITH_A_FOLDER = [
    ["quantize", "NOWHERE", *EN_SW],
    ["minimax", "NOWHERE", *EN_SW],
    ["activations", "NOWHERE", *EN_SW],
    ["recover", "NOWHERE", "NOWHERE", *EN_SW],
    ["calibrate", "NOWHERE", *EN_SW],
    ["export", "NOWHERE", "--to", "text"],
]
VERBS_WITH_A_DEVICE = [
    ["quantize", "NOWHERE", *EN_SW, "--output", "OUT"],
    ["evaluate", "NOWHERE", "NOWHERE", *EN_SW],
    ["minimax", "NOWHERE", *EN_SW],
    ["activations", "NOWHERE", *EN_SW],
    ["recover", "NOWHERE", "NOWHERE", *EN_SW, "--output", "OUT"],
    ["size", "NOWHERE", *EN_SW],
    ["sweep", "NOWHERE", "--preset", "beyond-english", "--output", "OUT"],
]


@pytest.fixture
def refused(cli, tmp_path):
    """Runs a command that is refused and gives its one line; OUT is a folder that can be made."""

    def run(*arguments):
        code, out, err = cli(*(tmp_path / "out" if each == "OUT" else each for each in arguments))
        assert code == 1 and "Traceback" not in err and not (tmp_path / "out").exists(), out + err
        return err.strip().splitlines()[-1]

    return run


@pytest.mark.parametrize("verb", VERBS_WITH_A_FOLDER, ids=lambda verb: verb[0])
def test_an_output_inside_a_file_is_refused_at_once(refused, tmp_path, verb):
    (tmp_path / "afile").write_text("here")
    for output in ("afile/out", "afile/deep/out"):
        message = refused(*verb, "--output", tmp_path / output)
        assert f"lies in {tmp_path / 'afile'}, which is a file" in message and "give a path" in message


def test_an_output_that_can_be_made_is_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    for output in ("empty", "new", "new/deep"):
        assert require_free_folder(tmp_path / output) == tmp_path / output
    assert not (tmp_path / "new").exists()


def test_a_relative_output_is_looked_for_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").write_text("here")
    require_free_folder("new/deep")
    with pytest.raises(CheckpointError, match="is a file"):
        require_free_folder("afile/out")


def test_an_output_where_the_user_may_not_write_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("root may write anywhere")
    with pytest.raises(CheckpointError, match="may not write"):
        require_free_folder(tmp_path / "new" / "deep")
    with pytest.raises(CheckpointError, match="may not write"):
        require_free_file(tmp_path / "report.json", "A report", (".json",))


def test_a_report_inside_a_file_is_refused(refused, tmp_path):
    (tmp_path / "afile").write_text("here")
    for verb in (["evaluate", "NOWHERE", "NOWHERE", *EN_SW], ["report", "NOWHERE"]):
        assert "which is a file" in refused(*verb, "--output", tmp_path / "afile" / "report.json")


@pytest.mark.parametrize("verb", VERBS_WITH_A_DEVICE, ids=lambda verb: verb[0])
def test_a_device_map_that_is_none_is_refused_at_once(refused, verb):
    message = refused(*verb, "--device-map", "foo")
    assert "--device-map foo names no device; give auto, balanced" in message and "cpu" in message


@pytest.mark.parametrize("device", ["cpu:3", "meta", "cuda:99" if torch.cuda.is_available() else "cuda:0"])
def test_a_device_that_is_not_here_is_refused(refused, device):
    message = refused("quantize", "NOWHERE", *EN_SW, "--output", "OUT", "--device-map", device)
    assert f"--device-map {device} is not on this machine, which has cpu" in message


@pytest.mark.parametrize("device", ["auto", "cpu", "cpu:0", "sequential"])
def test_a_device_map_that_works_comes_as_far_as_the_model(refused, device):
    assert "device-map" not in refused("quantize", "NOWHERE", *EN_SW, "--output", "OUT", "--device-map", device)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["quantize", "--calibration-set", "set", "--seed", "7", "--document-separator", "eos"],
            "separator, seed cannot",
        ),
        (["quantize", "--weights", "en=2", "en=3", "sw=1"], "'en' and 'en' are the same language"),
        (["calibrate", "--weights", "en=2", "English=3", "sw=1"], "'en' and 'English' are the same language"),
        (
            ["quantize", *EN_SW, "--no-evaluation", "--tasks", "belebele"],
            "--no-evaluation measures nothing, so --tasks",
        ),
        (["quantize", *EN_SW, "--no-evaluation", "--evaluation-languages", "sw"], "so --evaluation-languages would do"),
        (["quantize", *EN_SW, "--no-evaluation", *QUICK], "so --evaluation-tokens, --bootstrap-draws would do nothing"),
        (["quantize", *EN_SW, "--method-options", "a=1", "a=2"], "--method-options says a twice"),
        (
            ["calibrate", "--nonsense", "random-tokens", *SMALL, *EN_SW],
            "--nonsense reads no text, so --languages would",
        ),
        (["calibrate", "--nonsense", "random-tokens", *SMALL, "--corpus", "x"], "so --corpus would do nothing"),
        (["calibrate", "--nonsense", "random-tokens", *SMALL, "--mixture", "proportional"], "so --mixture would do"),
    ],
)
def test_options_that_would_do_nothing_are_refused(refused, arguments, words):
    assert words in refused(arguments[0], "NOWHERE", *arguments[1:], "--output", "OUT")


def test_verify_refuses_what_the_manifest_says(refused):
    verify = ["calibrate", "NOWHERE", "--verify", "NOWHERE"]
    assert "so --languages, --seed would do nothing" in refused(*verify, *EN_SW, "--seed", "3")
    assert "leave --nonsense out" in refused(*verify, "--nonsense", "random-tokens")


@pytest.mark.parametrize(
    "size, words", [((0, 32), "num_rows must be"), ((-3, 32), "num_rows"), ((6, 1), "at least 16")]
)
def test_nonsense_of_no_size_is_refused(refused, tiny_model_path, size, words):
    sizes = ["--num-rows", size[0], "--sequence-length", size[1]]
    assert words in refused("calibrate", tiny_model_path, "--nonsense", "random-tokens", *sizes, "--output", "OUT")


def test_a_method_without_calibration_needs_the_languages_to_measure_only(cli, refused, tiny_model_path, tmp_path):
    assert any(each.method == "nf4" and not each.needs_calibration for each in all_capabilities())
    languages = ["--evaluation-languages", "en", "sw", *QUICK]
    code, out, err = cli("quantize", tiny_model_path, "--method", "nf4", *languages, "--output", tmp_path / "nf4")
    assert code == 0 and "Swahili (sw)" in out, err
    assert "languages is empty" in refused("quantize", tiny_model_path, *languages, "--output", "OUT")


def test_text_is_not_exported_with_another_tokenizer(cli, refused, tiny_model_path, word_tokenizer, tmp_path):
    cli("calibrate", tiny_model_path, *EN_SW, *SMALL, "--output", tmp_path / "set")
    word_tokenizer("one two", bos_token="<s>").save_pretrained(tmp_path / "words")
    export = ["export", tmp_path / "set", "--to", "text", "--tokenizer", tmp_path / "words", "--output", "OUT"]
    assert "built with another tokenizer" in refused(*export)


def test_rows_are_exported_as_a_dataset(cli, tiny_model_path, tmp_path):
    import datasets

    cli("calibrate", tiny_model_path, *EN_SW, *SMALL, "--output", tmp_path / "set")
    code, _, err = cli("export", tmp_path / "set", "--to", "dataset", "--output", tmp_path / "rows")
    assert code == 0, err
    rows = datasets.load_from_disk(str(tmp_path / "rows"))
    assert rows["input_ids"][:] == CalibrationSet.load(tmp_path / "set").token_ids().tolist()
    assert not list(tmp_path.rglob(".*partial-*"))


@pytest.mark.parametrize("form", ["text", "safetensors", "dataset"])
def test_an_export_that_fails_leaves_no_file(cli, full_disk, tiny_model_path, tmp_path, form):
    cli("calibrate", tiny_model_path, *EN_SW, *SMALL, "--output", tmp_path / "set")
    export = ["export", tmp_path / "set", "--to", form, "--tokenizer", tiny_model_path, "--output", tmp_path / "out"]
    with full_disk(200):
        code, out, err = cli(*export)
    assert code == 1 and "saved" not in out and err.strip().splitlines()[-1].startswith("error: "), err
    assert not (tmp_path / "out").exists()
    assert cli(*export)[0] == 0
