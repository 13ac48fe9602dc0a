"""The licence of a quantized model: that of the model it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .front_matter import NoCardError, front_matter_of


@dataclass(frozen=True)
class Licence:
    """A licence as cards name it.

    Args:
        id: one of the Hub's identifiers, such as "apache-2.0"; "other" where it has none.
        name: of another licence.
        link: to its text.
        source: where it was read, for people.
    """

    id: str
    name: str | None = None
    link: str | None = None
    source: str = ""


def inherited_licence(
    base_model: str | Path, revision: str | None, token: str | None = None
) -> tuple[Licence | None, str]:
    """The licence on the card of the base model; without one, None and the reason.

        >>> inherited_licence("BSC-LT/salamandra-2b", None)[0]
        Licence(id='apache-2.0', name=None, link=None, source='the card of BSC-LT/salamandra-2b')

    Args:
        base_model: its name on the Hub, or its folder.
        revision: the commit the model was made from, on the Hub.
        token: for models that not all may read.
    """
    named = Path(base_model).name if Path(base_model).is_dir() else str(base_model)
    try:
        values = front_matter_of(base_model, revision, token)
    except NoCardError as error:
        return None, f"the card of {named} {error}"
    licence = licence_in(values, f"the card of {named}")
    if licence is None:
        return None, f"the card of {named} names none"
    if licence.link is not None and "://" not in licence.link and not Path(base_model).is_dir():
        # Links of cards are relative to their repository.
        link = f"https://huggingface.co/{base_model}/blob/{revision or 'main'}/{licence.link.removeprefix('./')}"
        return Licence(licence.id, licence.name, link, licence.source), ""
    return licence, ""


def licence_in(front_matter: Mapping[str, Any], source: str) -> Licence | None:
    """The licence that the front matter of a card names; None where it names none, or several."""
    id = front_matter.get("license")
    id = id[0] if isinstance(id, list) and len(id) == 1 else id
    if not isinstance(id, str) or id == "unknown":
        return None
    name, link = (front_matter.get(key) for key in ("license_name", "license_link"))
    return Licence(id, None if name is None else str(name), None if link is None else str(link), source)
