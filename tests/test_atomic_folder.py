"""A folder appears whole, or stays as it was."""

import os

import pytest

from optimum_multilingual import atomic_folder
from optimum_multilingual.atomic_folder import written_aside
from optimum_multilingual.errors import CheckpointError


def is_stale(name):
    return name.startswith("model")


def test_a_new_folder_appears_whole(tmp_path):
    with written_aside(tmp_path / "model", "config.json", is_stale) as folder:
        (folder / "config.json").write_text("{}")
        assert not (tmp_path / "model").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "config.json").read_text() == "{}"


def test_an_error_leaves_an_older_checkpoint_untouched(tmp_path):
    (tmp_path / "config.json").write_text("old")
    with pytest.raises(CheckpointError, match="full"), written_aside(tmp_path, "config.json", is_stale) as folder:
        (folder / "config.json").write_text("new")
        raise OSError("full")
    assert (tmp_path / "config.json").read_text() == "old"


def test_files_of_a_folder_in_use_are_replaced_and_others_kept(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "tokenizer.json").write_text("kept")
    (target / "config.json").write_text("old")
    with written_aside(target, "config.json", is_stale) as folder:
        (folder / "config.json").write_text("new")
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "tokenizer.json": "kept",
        "config.json": "new",
    }


def test_other_errors_come_through_as_they_are_and_leave_nothing(tmp_path):
    with pytest.raises(KeyError), written_aside(tmp_path / "model", "config.json", is_stale):
        raise KeyError("a bug")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(CheckpointError, match="is a file"), written_aside(tmp_path / "model", "config.json", is_stale):
        pass


def test_permissions_are_those_of_a_folder_made_by_hand(tmp_path):
    (tmp_path / "by_hand").mkdir()
    with written_aside(tmp_path / "model", "config.json", is_stale):
        pass
    modes = {(tmp_path / name).stat().st_mode for name in ("by_hand", "model")}
    assert len(modes) == 1


def test_old_files_of_the_kind_make_way(tmp_path):
    for name in ("config.json", "model-1.safetensors", "notes.txt"):
        (tmp_path / name).write_text("old")
    with written_aside(tmp_path, "config.json", is_stale) as folder:
        (folder / "model.safetensors").write_text("new")
        (folder / "config.json").write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "config.json": "new",
        "model.safetensors": "new",
        "notes.txt": "old",
    }


@pytest.mark.parametrize(
    "error, raised", [(OSError("no space left"), CheckpointError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_an_exchange_that_fails_halfway_is_taken_back(tmp_path, monkeypatch, error, raised):
    (tmp_path / "config.json").write_text("old")
    (tmp_path / "model-1.safetensors").write_text("old")
    moves = []

    def fails_once(source, destination):
        moves.append(destination)
        if len(moves) == 4:
            raise error
        return replace(source, destination)

    replace = os.replace
    monkeypatch.setattr(atomic_folder.os, "replace", fails_once)
    with (
        pytest.raises(raised),
        written_aside(tmp_path, "config.json", is_stale) as folder,
    ):
        (folder / "model.safetensors").write_text("new")
        (folder / "config.json").write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "config.json": "old",
        "model-1.safetensors": "old",
    }
