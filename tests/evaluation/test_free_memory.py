"""Free memory is what the machine has, or less where a container or a batch system says so."""

import psutil
import pytest
import torch

from optimum_multilingual import memory_plan
from optimum_multilingual.evaluation import free_memory as module
from optimum_multilingual.evaluation.free_memory import free_memory
from optimum_multilingual.evaluation.state_store import StateStore

MEGABYTE = 2**20


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Writes files of control groups, where they are then looked for."""
    monkeypatch.setattr(module, "MOUNT", tmp_path / "mount")
    monkeypatch.setattr(module, "OWN", tmp_path / "own")

    def write(own, **files):
        (tmp_path / "own").write_text(own)
        for name, folder_files in files.items():
            folder = tmp_path / "mount" / name.replace("__", "/")
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in folder_files.items():
                (folder / file).write_text(f"{content}\n")

    return write


def second(limit, used, cached=0):
    stat = f"anon 5\ninactive_file {cached // 2}\nactive_file {cached // 2}"
    return {"memory.max": limit, "memory.current": used, "memory.stat": stat}


def first(limit, used, cached=0):
    stat = f"inactive_file 5\ntotal_inactive_file {cached // 2}\ntotal_active_file {cached // 2}"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used, "memory.stat": stat}


ROOT = "."


def test_the_second_version_leaves_its_limit_without_what_is_in_use_and_cannot_be_dropped(groups):
    groups("0::/\n", **{ROOT: second(64 * MEGABYTE, 40 * MEGABYTE, cached=10 * MEGABYTE)})

    assert free_memory() == 34 * MEGABYTE


def test_the_first_version_does_too(groups):
    own = "9:cpu,cpuacct:/\n4:memory:/job\n0::/\n"
    groups(own, memory__job=first(64 * MEGABYTE, 40 * MEGABYTE, cached=10 * MEGABYTE))

    assert free_memory() == 34 * MEGABYTE


def test_the_tightest_group_that_holds_this_one_counts(groups):
    groups(
        "0::/slurm/job/step\n",
        slurm__job__step=second("max", 5),
        slurm__job=second(50 * MEGABYTE, 20 * MEGABYTE),
        slurm=second(60 * MEGABYTE, 20 * MEGABYTE),
    )

    assert free_memory() == 30 * MEGABYTE


def test_a_group_that_is_named_from_outside_the_container_is_found_at_the_root(groups):
    groups("4:memory:/docker/1234\n", memory=first(30 * MEGABYTE, 10 * MEGABYTE))

    assert free_memory() == 20 * MEGABYTE


def test_a_group_that_is_full_leaves_nothing(groups):
    groups("0::/\n", **{ROOT: second(10 * MEGABYTE, 11 * MEGABYTE)})

    assert free_memory() == 0


@pytest.mark.parametrize(
    "files",
    [
        {ROOT: second("max", MEGABYTE)},
        {ROOT: {"memory.stat": "anon 5"}},
        {ROOT: second(2**62, MEGABYTE)},
        {"memory": first(9223372036854771712, MEGABYTE)},
    ],
    ids=["max", "no files", "huge", "huge in the first version"],
)
def test_without_a_limit_it_is_what_the_machine_has(groups, files):
    groups("4:memory:/\n0::/\n", **files)

    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_without_control_groups_it_is_what_the_machine_has(groups):
    groups("")
    module.OWN.unlink()

    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_processes_of_a_machine_share_it(groups, monkeypatch):
    groups("0::/\n", **{ROOT: second(64 * MEGABYTE, 40 * MEGABYTE)})
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")

    assert free_memory() == 6 * MEGABYTE


def test_the_store_and_the_plan_keep_to_the_limit(groups):
    groups("0::/\n", **{ROOT: second(64 * MEGABYTE, 40 * MEGABYTE)})

    assert StateStore().limit == 12 * MEGABYTE
    assert memory_plan._free(torch.device("cpu")) == 24 * MEGABYTE
