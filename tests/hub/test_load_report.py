"""A report by the name of a published model, of a folder, or of a file."""

import pytest
from written_reports import report_of, score

from optimum_multilingual import load_report
from optimum_multilingual.errors import CheckpointError, HubError

COMMIT = "c" * 40
REPORT = report_of(score("swh_Latn"), score("eng_Latn", 0.01))


@pytest.fixture
def folder(hub, tmp_path):
    (tmp_path / "model").mkdir()
    REPORT.save(tmp_path / "model")
    hub.add("models", "me/model", tmp_path / "model", commit=COMMIT)
    return tmp_path / "model"


def test_it_is_read_from_wherever_it_is(folder):
    for source in (folder, str(folder), folder / "multilingual_report.json", "me/model"):
        assert load_report(source) == REPORT
    assert load_report("me/model", revision=COMMIT) == REPORT


def test_a_folder_of_the_same_name_comes_first(folder, hub, tmp_path, monkeypatch):
    (tmp_path / "me" / "model").mkdir(parents=True)
    report_of(score("yor_Latn")).save(tmp_path / "me" / "model")
    monkeypatch.chdir(tmp_path)
    assert [each.language for each in load_report("me/model").scores] == ["yor_Latn"]
    assert hub.requests == []


@pytest.mark.parametrize("source", ["nothing", "no/such/folder", "missing/report.json", "me/mo del"])
def test_what_is_nowhere_is_refused_without_the_network(hub, source):
    with pytest.raises(CheckpointError, match="holds no readable report: it is no file or folder, and no name"):
        load_report(source)
    assert hub.requests == []


def test_what_the_hub_lacks_is_told_apart(hub, tmp_path):
    (tmp_path / "empty").mkdir()
    hub.add("models", "me/empty", tmp_path / "empty", commit="d" * 40)
    with pytest.raises(CheckpointError, match=r"me/empty has no multilingual_report\.json"):
        load_report("me/empty")
    with pytest.raises(HubError, match="There is no model me/nothing on http"):
        load_report("me/nothing")
    with pytest.raises(HubError, match="has no revision 'v9'"):
        load_report("me/empty", revision="v9")


def test_where_the_hub_cannot_be_asked_it_must_be_in_the_cache(folder, hub):
    hub.add("models", "me/distant", folder, commit="e" * 40)
    hub.fail("resolve", status=503, headers={"Retry-After": "0"})  # unasked, clients wait 23 seconds
    with pytest.raises(HubError, match="me/distant is not in the cache, and the Hub could not be asked"):
        load_report("me/distant")
    hub.faults.clear()
    assert load_report("me/distant") == REPORT
    hub.fail("resolve", status=503, headers={"Retry-After": "0"})  # unasked, clients wait 23 seconds
    assert load_report("me/distant") == REPORT
