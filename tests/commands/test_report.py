"""`optimum-cli multilingual report`: shows, compares, merges."""

from __future__ import annotations

import pytest

from optimum_multilingual import MultilingualReport, compare_reports, merge_reports


@pytest.fixture
def files(measured_report, tmp_path):
    reports = {
        "three": measured_report({"en": 0.1, "sw": 0.6}, {"bits": 3}),
        "four": measured_report({"en": 0.1, "sw": 0.3}),
        "africa": measured_report({"am": 0.3, "yo": 0.3}),
    }
    for name, report in reports.items():
        report.save(tmp_path / f"{name}.json")
    return {name: (tmp_path / f"{name}.json", report) for name, report in reports.items()}


def test_help_shows_real_commands(cli):
    code, out, _ = cli("report", "--help")
    assert code == 0 and "optimum-cli multilingual report" in out.split("examples:")[1]


def test_a_report_is_printed_from_a_file_and_from_a_checkpoint(cli, files, tmp_path):
    path, report = files["four"]
    assert cli("report", path) == (0, f"{report}\n", "")
    (tmp_path / "checkpoint").mkdir()
    report.save(tmp_path / "checkpoint")
    assert cli("report", tmp_path / "checkpoint") == (0, f"{report}\n", "")


@pytest.mark.parametrize("ending", ["md", "csv", "json", "html", "svg", "parquet", "png"])
def test_the_ending_says_the_form(cli, files, ending, tmp_path):
    path, _ = files["four"]
    code, out, err = cli("report", path, "--output", tmp_path / f"written.{ending}")
    assert code == 0 and out == f"saved in {tmp_path / f'written.{ending}'}\n", err
    MultilingualReport.load(path).save(tmp_path / f"expected.{ending}")
    assert (tmp_path / f"written.{ending}").read_bytes() == (tmp_path / f"expected.{ending}").read_bytes()


def test_plot_chooses_the_picture(cli, files, tmp_path):
    path, _ = files["four"]
    assert cli("report", path, "--output", tmp_path / "kl.svg", "--plot", "divergence")[0] == 0
    assert "quantiles of KL" in (tmp_path / "kl.svg").read_text("utf-8")


def test_two_reports_are_compared(cli, files, tmp_path):
    paths = [files[name][0] for name in ("three", "four")]
    comparison = compare_reports([files[name][1] for name in ("three", "four")])
    assert cli("report", *paths) == (0, f"{comparison}\n", "")
    assert cli("report", *paths, "--output", tmp_path / "map.svg")[0] == 0
    assert "bits 3" in (tmp_path / "map.svg").read_text("utf-8")


def test_reports_are_merged_into_a_file_that_is_a_report(cli, files, tmp_path):
    paths = [files[name][0] for name in ("four", "africa")]
    code, _, err = cli("report", *paths, "--merge", "--output", tmp_path / "all.json")
    assert code == 0, err
    merged = merge_reports([files[name][1] for name in ("four", "africa")])
    assert MultilingualReport.load(tmp_path / "all.json").to_dict() == merged.to_dict()
    assert "no interval" in cli("report", tmp_path / "all.json")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["four", "africa"], "No language is in all of these reports"),
        (["four", "three", "--merge"], "differ in bits (4 and 3)"),
        (["four", "--merge"], "two or more reports, got 1"),
        (["four", "--output", "report.xlsx"], "A report can be written as .json, .md"),
        (["four", "three", "--output", "both.json"], "A comparison can be written as .md"),
        (["four", "--output", "nowhere/report.md"], "a folder that does not exist"),
        (["four", "--output", "three.json"], "--output three.json exists"),
        (["four", "--plot", "damage"], "--plot damage needs an --output that ends in .png or .svg"),
        (["four", "three", "--plot", "damage", "--output", "a.png"], "several are drawn as a heat map"),
        (["missing"], "holds no readable report"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(cli, files, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    code, out, err = cli("report", *(files.get(each, (each,))[0] for each in arguments))
    assert code == 1 and out == "" and message in err and err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
