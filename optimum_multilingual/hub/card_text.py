"""The text of the card: our part, and around it whatever others wrote."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..errors import HubError
from .card_metadata import card_data
from .card_sentences import sentences_of
from .front_matter import as_yaml
from .model_card import CardFacts

if TYPE_CHECKING:
    from jinja2 import Template

# Around our part of a card: what stands outside is kept by every push.
BEGIN = "<!-- optimum-multilingual begins here; what is written up to its end is replaced by the next push -->"
END = "<!-- optimum-multilingual ends here -->"
OUR_PART = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)

LICENCE_KEYS = ("license", "license_name", "license_link")


def card_content(facts: CardFacts, existing: bytes | None = None, licence_is_given: bool = False) -> str:
    """A whole card: front matter, and our part inside the text that is there already.

        >>> card_content(facts)                          # a new card
        >>> card_content(facts, b"---\\nlicense: mit\\n---\\n# My model\\nHand-written.")     # with what is written there

    Args:
        facts: of the checkpoint.
        existing: the card that is there.
        licence_is_given: the licence in the facts was given for this push, and replaces the one in the card that is there.

    Raises:
        HubError: the card that is there cannot be read.
    """
    ours = f"{BEGIN}\n\n{card_body(facts)}\n{END}"
    data, text = None, ""
    if existing is not None:
        card = _parsed(existing, facts.given.repo_id)
        data, text = card.data, "" if _is_generated(card) else card.text
        if licence_is_given:
            for key in LICENCE_KEYS:
                data.pop(key)
    if OUR_PART.search(text):
        text = OUR_PART.sub(lambda found: ours, text, count=1)
    elif text.strip():
        text = f"{text.rstrip()}\n\n{ours}\n"
    else:
        text = f"\n# {facts.given.repo_id.rpartition('/')[2]}\n\n{ours}\n"
    return f"---\n{as_yaml(card_data(facts, data).to_dict())}---\n{text}"


def card_body(facts: CardFacts) -> str:
    """Our part of a card, without the marks around it."""
    return re.sub(r"\n{3,}", "\n\n", _template().render(**sentences_of(facts))).strip() + "\n"


def _parsed(existing: bytes, repo_id: str) -> Any:
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        return ModelCard(existing.decode(), ignore_metadata_errors=True)
    except (YAMLError, ValueError) as error:
        raise HubError(
            f"The README.md for {repo_id} cannot be read ({str(error).splitlines()[0]}), so what is written in it could not be "
            "kept. Repair its front matter, between the two lines of ---, and push again."
        ) from error


def _is_generated(card: Any) -> bool:
    """Whether a card is the empty form that Transformers' own push_to_hub writes, with nothing of anybody in it."""
    from huggingface_hub import ModelCard, ModelCardData

    said = (
        "This is the model card of a 🤗 transformers model that has been pushed on the Hub. This model card has been "
        "automatically generated."
    )
    form = ModelCard.from_template(ModelCardData(library_name="transformers"), model_description=said)
    return card.text.split() == form.text.split()


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("optimum_multilingual").joinpath("data", "model_card.md.jinja").read_text(encoding="utf-8")
    return Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(source)
