"""What has to be known of a model before anything is done to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import ModelError


def require_causal_lm(model: Any) -> None:
    """Refuses a model that does not predict the next token.

    Raises:
        ModelError: it is an encoder, an encoder-decoder, or has no output projection.
    """
    if model.config.is_encoder_decoder or not model.can_generate() or model.get_output_embeddings() is None:
        raise ModelError(
            f"{type(model).__name__} is not a causal language model; its languages are measured by next-token "
            "prediction. Load it with AutoModelForCausalLM, or choose a decoder-only model."
        )


def longest_sequence(model: Any) -> int | None:
    """The model's longest sequence in tokens; None where its positions have no end."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def public_name(name_or_path: str) -> str:
    """A model's name on the Hub, or the last part of a local path: what may be told to others."""
    return Path(name_or_path).resolve().name if Path(name_or_path).exists() else name_or_path
