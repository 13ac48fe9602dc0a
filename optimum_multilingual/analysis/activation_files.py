"""The files of the study of activations: every channel as parquet, patterns as safetensors, the rest as JSON and text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import parquet
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..errors import CheckpointError
from ..evaluation.layer_inputs import LayerInput
from .activations_result import CALIBRATION, Activations, Statistics
from .moments import ChannelStatistics
from .study_files import write_study

NAME = "activations"
PARQUET_FILE, JSON_FILE, PATTERNS_FILE = f"{NAME}.parquet", f"{NAME}.json", "patterns.safetensors"

COLUMNS = tuple(item.name for item in fields(ChannelStatistics) if item.name != "tokens")


def write_activations(found: Activations, folder: Path) -> None:
    """Writes a study into a folder that exists."""
    write_study(folder, NAME, found.to_dict(), found.to_markdown(), found.to_arrow())
    patterns = {f"{tag}/{name}": each for tag, of_it in found.patterns.items() for name, each in of_it.items()}
    save_file(patterns, folder / PATTERNS_FILE)


def read_activations(folder: Path) -> dict[str, Any]:
    """The fields of an `Activations` from the files of `write_activations`.

    Raises:
        CheckpointError: a file is missing or damaged.
    """
    try:
        values = json.loads((folder / JSON_FILE).read_text(encoding="utf-8"))
        inputs = tuple(LayerInput(each["name"], tuple(each["layers"]), each["channels"]) for each in values["inputs"])
        texts = _texts_of(parquet.read_table(folder / PARQUET_FILE), inputs, values["tokens"])
        patterns: dict[str, dict[str, np.ndarray]] = {}
        for key, pattern in load_file(folder / PATTERNS_FILE).items():
            tag, name = key.split("/", 1)
            patterns.setdefault(tag, {})[name] = pattern
        return {
            "model": values["model"],
            "inputs": inputs,
            "left_out": tuple(values["left_out"]),
            "calibrated": tuple(values["calibrated"]),
            "calibration": texts.pop(CALIBRATION),
            "languages": texts,
            "patterns": patterns,
        }
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, pyarrow.ArrowException) as error:
        raise CheckpointError(f"{folder} holds no readable study of activations ({error}); run it again.") from error


def arrow_table(texts: Mapping[str, Statistics]) -> pyarrow.Table:
    """One row for each text, layer input and channel, in this order."""
    parts = [
        pyarrow.table(
            {
                "language": pyarrow.array([tag] * len(each.mean)).dictionary_encode(),
                "layer": pyarrow.array([name] * len(each.mean)).dictionary_encode(),
                "channel": np.arange(len(each.mean), dtype=np.int32),
                **{column: getattr(each, column) for column in COLUMNS},
                "absolute_maximum": each.absolute_maximum,
            }
        )
        for tag, of_it in texts.items()
        for name, each in of_it.items()
    ]
    return pyarrow.concat_tables(parts).unify_dictionaries()


def _texts_of(
    table: pyarrow.Table, inputs: Sequence[LayerInput], tokens: Mapping[str, int]
) -> dict[str, dict[str, ChannelStatistics]]:
    """What `arrow_table` was made of."""
    if table.num_rows != len(tokens) * sum(each.channels for each in inputs):
        raise ValueError(f"{PARQUET_FILE} has {table.num_rows} rows")
    columns = {name: table[name].to_numpy() for name in COLUMNS}
    texts: dict[str, dict[str, ChannelStatistics]] = {}
    start = 0
    for tag, count in tokens.items():
        texts[tag] = {}
        for each in inputs:
            here = slice(start, start + each.channels)
            texts[tag][each.name] = ChannelStatistics(count, **{name: of_it[here] for name, of_it in columns.items()})
            start += each.channels
    return texts
