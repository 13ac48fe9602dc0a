"""States beyond the bound lie on disk, and come back as they were."""

from pathlib import Path

import pytest
import torch

from optimum_multilingual.evaluation.state_store import StateStore


@pytest.fixture
def states():
    generator = torch.Generator().manual_seed(0)
    return {n: torch.randn(100, 64, generator=generator).bfloat16() for n in range(5)}


@pytest.mark.parametrize("limit, kept", [(0, 0), (30_000, 2), ("30KB", 2), ("1MB", 5), (None, 5)])
def test_what_does_not_fit_goes_to_disk_and_comes_back_bit_by_bit(states, limit, kept):
    store = StateStore(limit)
    for number, tensor in states.items():
        store.put(number, tensor)

    assert (len(store.in_memory), len(store.on_disk)) == (kept, 5 - kept)
    for number, tensor in states.items():
        assert torch.equal(store.get(number), tensor)


def test_a_slice_of_a_larger_tensor_is_written_alone(states):
    store = StateStore(0)
    store.put("part", states[0][:10])
    assert store.on_disk["part"].stat().st_size < 3000


def test_the_files_go_with_the_store(states, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = StateStore(0)
    store.put(0, states[0])
    [folder] = Path(tmp_path).iterdir()
    assert len(list(folder.iterdir())) == 1
    del store
    assert not list(tmp_path.iterdir())
