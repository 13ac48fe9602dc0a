"""A quantized checkpoint to publish, and somebody who may."""

from __future__ import annotations

import os
import shutil

import pytest
from one_line import quantize
from transformers import AutoTokenizer

from optimum_multilingual.hub import repository


@pytest.fixture(scope="session")
def quantized(tiny_model_path):
    """The small model, quantized by the one line and measured in three languages."""
    return quantize(tiny_model_path, bits=4)


@pytest.fixture(scope="session")
def saved(quantized, tiny_model_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "out"
    quantized.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model_path).save_pretrained(folder)
    return folder


@pytest.fixture
def out(saved, tmp_path):
    """The saved checkpoint in a folder of the test's own."""
    return shutil.copytree(saved, tmp_path / "out", copy_function=os.link)


@pytest.fixture
def me(hub, monkeypatch):
    """A Hub on which the token in use may write under `me`; refused requests are tried twice more at once."""
    monkeypatch.setenv("HF_TOKEN", "hf_me")
    monkeypatch.setattr(repository, "RETRY_WAITS", (0.0, 0.0))
    hub.accounts["hf_me"] = {"me"}
    return hub
