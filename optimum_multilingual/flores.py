"""The languages of FLORES+ and FLORES-200, which are those of NLLB, with their resource tiers."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

Tier = Literal["high", "mid", "low"]


@lru_cache(maxsize=1)
def flores_data() -> dict[str, Any]:
    """What `data/flores.json` holds: codes, tiers, and where both come from."""
    path = resources.files("optimum_multilingual").joinpath("data", "flores.json")
    return json.loads(path.read_text(encoding="utf-8"))


def flores_tiers() -> dict[str, Tier]:
    """The tier of every FLORES language, by its tag: FLORES+ first, then what only FLORES-200 has.

        >>> flores_tiers()["swh_Latn"], flores_tiers()["swe_Latn"]
        ('low', 'high')

    Source: Joshi et al. 2020 for the classes, the Aya Dataset for their division in three; both in the data file.
    """
    return {**flores_data()["flores_plus"], **flores_data()["flores_200_only"]}


def flores_tags(tier: Tier) -> tuple[str, ...]:
    """The languages of FLORES+ in one tier, sorted by tag."""
    return tuple(tag for tag, its_tier in flores_data()["flores_plus"].items() if its_tier == tier)


@lru_cache(maxsize=1)
def only_scripts() -> dict[str, str]:
    """The script of each code that FLORES has in one script only."""
    scripts: dict[str, set[str]] = {}
    for tag in flores_tiers():
        code, script = tag.split("_")
        scripts.setdefault(code, set()).add(script)
    return {code: next(iter(found)) for code, found in scripts.items() if len(found) == 1}
