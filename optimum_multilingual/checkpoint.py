"""Saving: an ordinary checkpoint with its provenance beside it, written aside and moved into place when whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

from safetensors import SafetensorError

from .backends import Backend
from .calibration.calibration_set import MANIFEST_FILE, Manifest, write_json
from .errors import CheckpointError
from .report import MultilingualReport

# Loaders look for this file first: without it a folder is no checkpoint, whatever else it holds.
CONFIG_FILE = "config.json"

# Under this key the compact provenance travels in config.json; loaders ignore keys they do not know.
PROVENANCE_KEY = "multilingual_calibration"


def attach(model: Any, backend: Backend, manifest: Manifest, report: MultilingualReport | None) -> None:
    """Makes a quantized model carry its report, and its `save_pretrained` write provenance with the weights.

    After this, `model.save_pretrained(folder)` and `model.push_to_hub(name)` write

        config.json                   with quantization_config as upstream writes it, and the compact provenance
        model.safetensors             in the checkpoint format asked for
        multilingual_report.json      what each language lost
        calibration_manifest.json     what the model was calibrated on, without text

    Args:
        model: already quantized.
        backend: the engine that did it.
        manifest: of the calibration set.
        report: None when nothing was measured.
    """
    model.multilingual_report = report
    model.calibration_manifest = manifest
    setattr(model.config, PROVENANCE_KEY, manifest.provenance)
    upstream_save = model.save_pretrained

    def save_pretrained(self: Any, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """`PreTrainedModel.save_pretrained`, with the report and the manifest beside the weights, all or nothing."""
        push_to_hub = kwargs.pop("push_to_hub", False)
        hub_options = {key: kwargs.pop(key) for key in HUB_OPTIONS if key in kwargs}
        with backend.checkpoint(self), written_aside(Path(save_directory)) as folder:
            upstream_save(folder, *args, **kwargs)
            write_json(folder / MANIFEST_FILE, manifest.to_dict())
            if report is not None:
                report.save(folder)
        if push_to_hub:
            self.push_to_hub(hub_options.pop("repo_id", Path(save_directory).name), **hub_options)

    model.save_pretrained = MethodType(save_pretrained, model)


# Arguments of save_pretrained that are meant for push_to_hub.
HUB_OPTIONS = ("repo_id", "commit_message", "private", "token", "revision", "create_pr", "commit_description", "tags")


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Gives a folder beside the target to write into, and moves it into place only when everything was written.

        with written_aside(Path("model")) as folder:      # .model.partial-x1y2z3 on the same disk
            save_everything(folder)
        # "model" is now whole; after an error or a kill it is as it was before

    In a target that exists, files of the same name are replaced, the config last: until it is there nothing loads.

    Raises:
        CheckpointError: the target is a file, or nothing can be written there.
    """
    if target.is_file():
        raise CheckpointError(f"{target} is a file; a checkpoint is a folder. Give another path.")
    try:
        # Inside a target that exists, which may be a disk of its own; a rename must not cross disks.
        place = target if target.exists() else target.parent
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=place))
    except OSError as error:
        raise CheckpointError(f"Nothing can be written in {target} ({error}); give another path.") from error
    try:
        yield folder
        _move_into_place(folder, target)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"The checkpoint could not be written to {target} ({error}); nothing was left half-written there. Free some "
            "space or give another path, and save again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(folder: Path, target: Path) -> None:
    if not target.exists():
        folder.chmod(0o777 & ~_umask())
        os.replace(folder, target)
        return
    (target / CONFIG_FILE).unlink(missing_ok=True)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == CONFIG_FILE):
        os.replace(path, target / path.name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
