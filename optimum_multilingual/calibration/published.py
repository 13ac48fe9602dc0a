"""Calibration settings of published studies, by name."""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from importlib import resources
from typing import Any

from ..errors import ConfigError


def published_setting(name: str) -> dict[str, Any]:
    """The languages, shares and sizes of a published study, as arguments of `MultilingualCalibrationConfig`.

        >>> MultilingualCalibrationConfig("gptq", bits=4, **published_setting("beyond-english/multi10"))

    Args:
        name: study and setting, such as "beyond-english/xh", "outliers/one-language" or "brain-surgeon/bloom";
            `published_names()` lists them, data/calibration_settings.json says where each comes from and what was not found.

    Raises:
        ConfigError: there is no such setting.
    """
    name = str(name)  # a plan in a file may hold a number here
    study, _, setting = name.partition("/")
    studies = _studies()
    if setting not in studies.get(study, {}).get("settings", {}):
        names = published_names()
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"There is no published setting {name!r}.{hint} There are {', '.join(names)}.")
    return dict(studies[study]["settings"][setting])


def published_names() -> list[str]:
    """All names that `published_setting` takes."""
    return [f"{study}/{setting}" for study, entry in _studies().items() for setting in entry["settings"]]


@lru_cache(maxsize=1)
def _studies() -> dict[str, dict[str, Any]]:
    file = resources.files("optimum_multilingual").joinpath("data", "calibration_settings.json")
    return json.loads(file.read_text(encoding="utf-8"))
