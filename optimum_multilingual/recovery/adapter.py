"""A LoRA adapter of peft: put on a quantized model, and saved apart as peft writes it."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..atomic_folder import written_aside
from ..calibration.calibration_set import MANIFEST_FILE, Manifest, write_json
from ..errors import CheckpointError, MissingPackageError, ModelError
from ..model_checks import public_name
from ..report.multilingual_report import REPORT_FILE, MultilingualReport
from .recovery_config import RecoveryConfig

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
BEFORE_FILE = "multilingual_report_before.json"


def require_peft() -> None:
    """Refuses to begin without peft.

    Raises:
        MissingPackageError: it is not installed; with the pip line.
    """
    if importlib.util.find_spec("peft") is None:
        raise MissingPackageError('Recovery trains a LoRA with peft. Run: pip install "optimum-multilingual[recover]"')


def require_free(folder: Path) -> None:
    """Refuses a folder that holds something.

    Raises:
        CheckpointError: it does, or it is a file.
    """
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise CheckpointError(f"The adapter's folder {folder} exists and is not empty; give a new one, or remove it.")


def add_adapter(model: Any, layers: set[str], settings: RecoveryConfig) -> Any:
    """Puts an adapter that changes nothing yet on the given layers, in place; gives peft's model around it.

    Args:
        model: quantized.
        layers: names of the linear layers of the model before it was quantized, without the output projection.
        settings: rank, alpha and seed.

    Raises:
        ModelError: peft has no adapter for layers of this kind.
    """
    from peft import LoraConfig, get_peft_model

    kinds = sorted({name.rpartition(".")[2] for name in layers})
    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, target_modules=kinds, lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    try:
        with torch.random.fork_rng():
            adapted = get_peft_model(model, config)
    except (ValueError, ImportError, NotImplementedError) as error:
        raise ModelError(
            f"peft cannot put an adapter on this quantized model ({str(error).splitlines()[0][:300]}); it can on "
            "bitsandbytes and GPTQ checkpoints."
        ) from error
    adapted.peft_config["default"].base_model_name_or_path = public_name(model.name_or_path)
    _draw_first_weights(adapted, settings.seed)
    return adapted


def _draw_first_weights(adapted: Any, seed: int) -> None:
    """peft's own first weights, uniform for A and zero for B, from a generator of our own."""
    generator = np.random.default_rng(seed)
    for name, weight in adapted.named_parameters():
        if "lora_A" in name:
            bound = 1 / math.sqrt(weight.shape[1])
            drawn = generator.uniform(-bound, bound, tuple(weight.shape))
            with torch.no_grad():
                weight.copy_(torch.from_numpy(drawn))


def save_adapter(
    adapted: Any, folder: Path, before: MultilingualReport, after: MultilingualReport, manifest: Manifest
) -> None:
    """Writes the adapter as peft does, with both reports and the manifest of its rows beside it, all or nothing.

    Raises:
        CheckpointError: it cannot be written.
    """
    with written_aside(folder, ADAPTER_CONFIG) as aside:
        adapted.save_pretrained(aside, save_embedding_layers=False)
        # peft's card is a form to fill in, and names the folder the model was loaded from.
        (aside / "README.md").unlink(missing_ok=True)
        before.save(aside / BEFORE_FILE)
        after.save(aside / REPORT_FILE)
        write_json(aside / MANIFEST_FILE, manifest.to_dict())
