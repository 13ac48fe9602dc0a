"""`optimum-cli multilingual methods`, and `quantize` with a method of another engine."""

import json
from pathlib import Path

import pytest

from optimum_multilingual.backends import all_capabilities

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


def test_every_method_and_engine_is_listed(cli):
    code, out, _ = cli("methods")
    listed = [tuple(line.split()[:2]) for line in out.splitlines()[1 : len(all_capabilities()) + 1]]
    assert code == 0 and listed == [(each.method, each.engine) for each in all_capabilities()]


def test_one_method_is_told_in_full(cli):
    code, out, _ = cli("methods", "NF4")
    assert code == 0
    for word in (
        "--method nf4 --engine bitsandbytes",
        "BitsAndBytesConfig",
        "double_quant=False",
        "True or False",
        "QLoRA",
    ):
        assert word in out


def test_the_page_of_the_docs_holds_the_table_that_is_printed(cli):
    _, out, _ = cli("methods", "--markdown")
    page, _ = PAGE.read_text(encoding="utf-8").split("## What each does to the languages")
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert table == out.strip().splitlines(), "write it anew: optimum-cli multilingual methods --markdown"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["methods", "gtpq"], ["no quantization method 'gtpq'", "nf4"]),
        (["methods", "nf4", "--markdown"], ["leave the name out"]),
        (["quantize", "MODEL", "--method", "hqq"], ["'hqq' by hqq cannot be saved", "pickle", "hqq_scale_only"]),
        (["quantize", "MODEL", "--method", "nf4", "--engine", "optimum"], ["'nf4' is not done by engine='optimum'"]),
        (["quantize", "MODEL", "--method", "nf4", "--num-rows", "8"], ["needs no calibration", "num_rows"]),
        (["quantize", "MODEL", "--method-options", "double_quant"], ["NAME=VALUE", "got 'double_quant'"]),
        (["quantize", "MODEL", "--method", "nf4", "--method-options", "double_quant=yes"], ["='yes'", "True or False"]),
    ],
)
def test_what_cannot_be_is_one_line_with_what_can(cli, tiny_model_path, tmp_path, arguments, words):
    given = [tiny_model_path if each == "MODEL" else each for each in arguments]
    if given[0] == "quantize":
        given += ["--languages", "en", "--output", tmp_path / "out"]
    code, _, err = cli(*given)
    assert code == 1 and [word for word in words if word not in err] == [], err


def test_a_method_without_calibration_is_quantized_measured_and_saved(cli, tiny_model_path, tmp_path):
    options = ["--method", "nf4", "--engine", "bitsandbytes", "--method-options", "double_quant=true"]
    text = ["--languages", "en", "sw", "--evaluation-tokens", "300", "--bootstrap-draws", "100"]
    code, out, _ = cli("quantize", tiny_model_path, *options, *text, "--output", tmp_path / "out")
    assert code == 0 and "method nf4, engine bitsandbytes, bits 4" in out and "Swahili" in out
    config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert config["quantization_config"]["bnb_4bit_use_double_quant"] is True
    assert not (tmp_path / "out" / "calibration_manifest.json").exists()
