"""Keeps built sets under the Hugging Face cache, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CalibrationSetError
from .calibration_set import CalibrationSet

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """`$HF_HOME/optimum_multilingual/calibration_sets`, `HF_HOME` being `~/.cache/huggingface` unless set."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    return Path(home, "optimum_multilingual", "calibration_sets").expanduser()


def cached(ingredients: dict[str, Any], build: Callable[[], CalibrationSet]) -> CalibrationSet:
    """Takes a set from the cache, or builds it and puts it there.

    A damaged or half-written entry is found by its fingerprint, removed and built again. Two processes may build the same
    set at once: each writes aside, and the first to finish is kept.

    Args:
        ingredients: everything that decides what the set holds, as JSON values.
        build: makes the set.
    """
    key = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:32]
    entry = cache_folder() / key
    if entry.is_dir():
        try:
            return CalibrationSet.load(entry)
        except CalibrationSetError as error:
            logger.warning("The cached calibration set %s is damaged and is built again: %s", key, error)
            shutil.rmtree(entry, ignore_errors=True)
    calibration_set = build()
    _store(calibration_set, entry)
    return calibration_set


def _store(calibration_set: CalibrationSet, entry: Path) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
    except OSError as error:
        logger.warning("The calibration set is not cached: %s", error)
        return
    try:
        calibration_set.save(aside)
        aside.rename(entry)
    except OSError as error:
        if not entry.is_dir():
            logger.warning("The calibration set is not cached: %s", error)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
