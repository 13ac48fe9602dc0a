"""Every report that was ever published can be read: older ones are brought up to today's schema, newer ones say what to do."""

import json
from pathlib import Path

import pytest
from written_reports import report_of, score

from optimum_multilingual import MultilingualReport
from optimum_multilingual.errors import CheckpointError
from optimum_multilingual.report import schema
from optimum_multilingual.report.multilingual_report import REPORT_FILE

PUBLISHED = sorted((Path(__file__).parent / "published").glob("schema_*.json"))


def test_there_is_a_step_from_every_version_and_a_published_report_of_each():
    assert set(schema.UPGRADES) == set(range(1, schema.SCHEMA_VERSION))
    assert [path.stem for path in PUBLISHED] == [f"schema_{number}" for number in range(1, schema.SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_a_report_as_it_was_published_is_read(path):
    assert json.loads(path.read_text("utf-8"))["schema_version"] == int(path.stem.removeprefix("schema_"))
    report = MultilingualReport.load(path)
    assert report.schema_version == schema.SCHEMA_VERSION
    assert [score.language for score in report.worst_first] == ["swh_Latn", "eng_Latn"]
    assert report["sw"].verdict == "damaged" and "Swahili (sw)" in str(report)
    assert MultilingualReport.from_dict(report.to_dict()) == report


def test_a_report_from_before_tasks_and_draws_is_read():
    values = report_of(score("swh_Latn")).to_dict()
    del values["tasks"], values["draws"]
    report = MultilingualReport.from_dict(values)
    assert report.tasks == () and report.draws == ()


def test_older_values_go_through_every_step_and_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 3)
    steps = {
        1: lambda values: {**values, "languages": values["scores"]},
        2: lambda values: {**values, "languages": [language.upper() for language in values["languages"]]},
    }
    monkeypatch.setattr(schema, "UPGRADES", steps)
    first = {"schema_version": 1, "scores": ["sw"]}
    assert schema.upgraded(first) == {"schema_version": 3, "scores": ["sw"], "languages": ["SW"]}
    assert schema.upgraded({"schema_version": 2, "languages": ["sw"]}) == {"schema_version": 3, "languages": ["SW"]}
    assert first == {"schema_version": 1, "scores": ["sw"]}


def test_a_newer_report_says_what_to_install(tmp_path):
    newer = {**report_of(score("swh_Latn")).to_dict(), "schema_version": schema.SCHEMA_VERSION + 1}
    (tmp_path / REPORT_FILE).write_text(json.dumps(newer))
    with pytest.raises(CheckpointError, match=r"reads up to \d+\. Run: pip install --upgrade optimum-multilingual"):
        MultilingualReport.load(tmp_path)


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.0])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(CheckpointError, match="is no schema version of a report"):
        schema.upgraded({"schema_version": version})
