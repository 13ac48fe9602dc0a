"""Saving: an ordinary checkpoint, with what it was calibrated on and what each language lost beside the weights."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from types import MethodType
from typing import Any

from .atomic_folder import written_aside
from .backends import Backend
from .calibration.build import recorded_versions
from .calibration.calibration_set import MANIFEST_FILE, Manifest, write_json
from .model_checks import public_name
from .report.multilingual_report import REPORT_FILE, MultilingualReport

logger = logging.getLogger(__name__)

# Loaders look for this file first: without it a folder is no checkpoint, whatever else it holds.
CONFIG_FILE = "config.json"

# Under this key the compact provenance travels in config.json; loaders ignore keys they do not know.
PROVENANCE_KEY = "multilingual_calibration"

WEIGHT_FILES = re.compile(r"(model|pytorch_model).*\.(safetensors|bin)(\.index\.json)?")

# Arguments that save_pretrained takes, by name or as the rest, for push_to_hub.
HUB_OPTIONS = ("commit_message", "private", "token", "revision", "create_pr", "commit_description", "tags")


def attach(model: Any, backend: Backend, manifest: Manifest | None, report: MultilingualReport | None) -> None:
    """Makes a quantized model carry its report, and its `save_pretrained` write provenance with the weights.

    After this, `model.save_pretrained(folder)` and `model.push_to_hub(name)` write

        config.json                   with quantization_config as upstream writes it, and the compact provenance
        model.safetensors             in the checkpoint format asked for
        multilingual_report.json      what each language lost
        calibration_manifest.json     what the model was calibrated on, without text

    Args:
        model: already quantized.
        backend: the engine that did it; of a method that leaves no checkpoint, saving is refused.
        manifest: of the calibration set; None when the method needs none, and then no manifest is written.
        report: None when nothing was measured.
    """
    model.multilingual_report = report
    model.calibration_manifest = manifest
    setattr(model.config, PROVENANCE_KEY, provenance_of(model, backend, manifest))

    def save_pretrained(self: Any, *args: Any, **kwargs: Any) -> None:
        """`PreTrainedModel.save_pretrained`, with the report and the manifest beside the weights, all or nothing."""
        backend.capability.require_saving()
        given = inspect.signature(type(self).save_pretrained).bind(self, *args, **kwargs).arguments
        options = {**given.pop("kwargs", {}), **given}
        options.pop("self")
        if not options.get("is_main_process", True):
            backend.save(self, Path(options.pop("save_directory")), **options)
            return
        target, push = Path(options.pop("save_directory")), options.pop("push_to_hub", False)
        hub_options = {key: options.pop(key) for key in (*HUB_OPTIONS, "repo_id") if key in options}
        with backend.checkpoint(self), written_aside(target, CONFIG_FILE, _is_checkpoint_file) as folder:
            backend.save(self, folder, **options)
            if self.calibration_manifest is not None:
                write_json(folder / MANIFEST_FILE, self.calibration_manifest.to_dict())
            if self.multilingual_report is not None:
                self.multilingual_report.save(folder)
        if push:
            if "max_shard_size" in options:
                hub_options["max_shard_size"] = options["max_shard_size"]
            self.push_to_hub(hub_options.pop("repo_id", target.name), **hub_options)

    model.save_pretrained = MethodType(save_pretrained, model)


def why_unsavable(generation: Any) -> str | None:
    """Why Transformers would refuse to save a model with these settings of generation; None where it would not.

    Checkpoints with a temperature and without do_sample load, and cannot be saved.

    Args:
        generation: a `GenerationConfig`.
    """
    try:
        generation.validate(strict=True)
    except ValueError as error:
        return " ".join(str(error).split())
    return None


def warn_of_unsavable(model: Any) -> None:
    """Says before the work that a model could not be saved as it is."""
    reason = why_unsavable(model.generation_config)
    if reason is not None:
        logger.warning(
            "%s has settings of generation that Transformers will not save (%s). Set model.generation_config right before "
            "save_pretrained, or give from_pretrained another generation_config.",
            public_name(model.name_or_path),
            reason,
        )


def provenance_of(model: Any, backend: Backend, manifest: Manifest | None) -> dict[str, Any]:
    """What travels in config.json: the model it was made from, how, and the compact manifest where there is one.

    Args:
        model: already quantized.
        backend: the engine that did it.
        manifest: of the calibration set; None when the method needs none.
    """
    capability, method = backend.capability, backend.config.method
    versions = recorded_versions() if manifest is None else manifest.versions
    ours = (
        {"package": f"optimum-multilingual {versions['optimum_multilingual']}"}
        if manifest is None
        else manifest.provenance
    )
    settings = {key: value for key, value in backend.details(model).items() if key in ("bits", "group_size")}
    return {
        **ours,
        "base_model": public_name(model.name_or_path),
        "base_revision": getattr(model.config, "_commit_hash", None),
        "method": capability.method,
        "engine": capability.engine,
        **settings,
        "method_options": dict(backend.config.method_options),
        "upstream_config": None if isinstance(method, str) else type(method).__name__,
        "versions": {**versions, **capability.versions()},
    }


def setting_of(model: Any, backend: Backend) -> dict[str, Any]:
    """What the report says of a quantized model: which one it was, and how and where it was quantized."""
    revision = getattr(model.config, "_commit_hash", None)
    return {"model": public_name(model.name_or_path), "revision": revision, **backend.setting(model)}


def _is_checkpoint_file(name: str) -> bool:
    return name in (CONFIG_FILE, REPORT_FILE, MANIFEST_FILE) or WEIGHT_FILES.fullmatch(name) is not None
