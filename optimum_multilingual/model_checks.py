"""What has to be known of a model before anything is done to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ModelError

# Of these from_pretrained makes a device map by itself.
PLACEMENTS = ("auto", "balanced", "balanced_low_0", "sequential")

# What can be a name on the Hub: a model, or its owner and the model.
REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")


def require_causal_lm(model: Any) -> None:
    """Refuses a model that does not predict the next token.

    Raises:
        ModelError: it is an encoder, an encoder-decoder, or has no output projection.
    """
    if model.config.is_encoder_decoder or not model.can_generate() or model.get_output_embeddings() is None:
        raise ModelError(
            f"{type(model).__name__} is not set up as a causal language model, which predicts the next token from those before "
            "it alone; choose a decoder-only model, loaded with AutoModelForCausalLM."
        )


def load_config(name: str | Path, gguf_file: str | None = None) -> Any:
    """Reads the config of a model or checkpoint; code that comes with it is not run, and nobody is asked to allow it.

    Args:
        name: of a repository, or a folder.
        gguf_file: name of a GGUF file there, whose config is meant.

    Raises:
        ModelError: there is no such folder, Transformers here knows no such model, the file says not which it is, or only its
            own code can read it.
        OSError: there is no such model, or its config.json is no JSON.
    """
    from transformers import AutoConfig

    if not Path(name).exists() and not REPOSITORY.fullmatch(str(name)):
        raise ModelError(
            f"There is no folder {name}; give the folder of a model, or its name on the Hub, such as 'me/model'."
        )
    options = {} if gguf_file is None else {"gguf_file": gguf_file}
    try:
        return AutoConfig.from_pretrained(str(name), trust_remote_code=False, **options)
    except OSError:
        raise
    except Exception as error:  # a value that is out of its range has an error class of its own in every library
        if "custom code" in str(error):
            raise ModelError(
                f"{name} comes with custom code, which is not run here. If you trust it, quantize it in Python, where it is "
                "measured too: AutoModelForCausalLM.from_pretrained(name, trust_remote_code=True, "
                "quantization_config=MultilingualCalibrationConfig(...))."
            ) from error
        raise ModelError(
            f"The config of {name} cannot be read ({' '.join(str(error).split())[:300]}); give a model that this version of "
            "Transformers knows, or repair its config.json."
        ) from error


def load_causal_lm_config(name: str | Path) -> Any:
    """Reads the config of a model, and refuses one that AutoModelForCausalLM has no class for.

    Raises:
        ModelError: it has none, or the config cannot be read.
        OSError: there is no such model.
    """
    config = load_config(name)
    require_causal_lm_config(config, str(name))
    return config


def require_causal_lm_config(config: Any, name: str) -> None:
    """Refuses a checkpoint that AutoModelForCausalLM has no class for, such as Qwen2-VL, by its config alone.

    Raises:
        ModelError: it has none.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ModelError(
            f"{name} is a {config.model_type} model, which AutoModelForCausalLM does not load; only models that predict text "
            "from text are quantized and measured."
        )


def require_text_only(model: Any) -> None:
    """Refuses a model that also reads images or sound: engines here would calibrate half of it, or round all of it.

    Raises:
        ModelError: it has a part beside its language model.
    """
    if model.config.get_text_config() is not model.config:
        parts = sorted(set(getattr(model.config, "sub_configs", ())) - {"text_config"})
        raise ModelError(
            f"{type(model).__name__} is more than a language model (its config has {', '.join(parts)}), and calibration text "
            "says nothing of the rest; choose a model that reads text alone, such as Gemma3ForCausalLM in place of "
            "Gemma3ForConditionalGeneration. A checkpoint that others quantized can be measured on text with `evaluate`."
        )


def require_in_memory(device_map: Any) -> None:
    """Refuses a device map, None or partly settled, that leaves weights on disk, from where no engine here takes them.

    Raises:
        ModelError: it does.
    """
    if isinstance(device_map, Mapping) and "disk" in device_map.values():
        on_disk = [name for name, place in device_map.items() if place == "disk"]
        raise ModelError(
            f"The device map leaves {len(on_disk)} modules on disk ({', '.join(on_disk[:3])}); quantizing needs all weights "
            'in memory. Give max_memory with more for "cpu", or a machine with more memory.'
        )


def require_one_device(device_map: Any, asked: str) -> None:
    """Refuses a model over several devices, which cannot be copied in memory.

    Raises:
        ModelError: it is.
    """
    places = set(map(str, device_map.values())) if isinstance(device_map, Mapping) else set()
    if len(places) > 1:
        raise ModelError(
            f"{asked} quantizes copies of the model, which cannot be made of one spread over {', '.join(sorted(places))}; give "
            "one device that holds it twice."
        )


def longest_sequence(config: Any) -> int | None:
    """A model's longest sequence in tokens, by its config; None where its positions have no end."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def public_name(name_or_path: str) -> str:
    """A model's name on the Hub, or the last part of a local path: what may be told to others."""
    return Path(name_or_path).resolve().name if Path(name_or_path).exists() else name_or_path
