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


def test_states_stay_on_their_device_up_to_its_bound(states):
    """The meta device stands for an accelerator: what lies there has a size and cannot be taken to the CPU."""
    store = StateStore(device_limit="30KB")
    for number in (0, 1):
        store.put(number, states[number].to("meta"))
    store.put(2, states[2])

    assert (list(store.on_device), list(store.in_memory)) == ([0, 1], [2])
    assert store.get(0).device.type == "meta"
    with pytest.raises(NotImplementedError, match="meta"):
        store.put(3, states[3].to("meta"))
