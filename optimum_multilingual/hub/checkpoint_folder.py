"""The folder of a quantized checkpoint: which of its files are published, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..calibration.calibration_set import MANIFEST_FILE, ROWS_FILE, Manifest
from ..checkpoint import CONFIG_FILE, PROVENANCE_KEY
from ..errors import CheckpointError
from ..report.multilingual_report import REPORT_FILE, MultilingualReport
from .front_matter import CARD

# What a checkpoint consists of, for any loader. Everything else that lies in a folder stays there, as logs and notes do,
# unless it is asked for.
PUBLISHED = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*.gguf",
    CONFIG_FILE,
    "generation_config.json",
    "quant*.json",
    "recipe.yaml",
    "tokenizer*.json",
    "tokenizer.model",
    "*.tiktoken",
    "*.spm",
    "spiece.model",
    "sentencepiece*.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.j*",
    "additional_chat_templates/*.jinja",
    "*processor_config.json",
    "LICEN[CS]E*",
    "NOTICE*",
    "USE_POLICY*",
    REPORT_FILE,
    MANIFEST_FILE,
)

# Stay there also if they are asked for: pickles run code when they are loaded, and the text of a calibration set may not be
# published.
WITHHELD = ("*.bin", "*.pt", "*.pth", "*.pkl", ROWS_FILE, f"*/{ROWS_FILE}")


@dataclass(frozen=True)
class CheckpointFolder:
    """A quantized checkpoint on disk, read but for its weights.

        >>> checkpoint = CheckpointFolder.read("out/")
        >>> checkpoint.files[:2], checkpoint.left_out
        (('calibration_manifest.json', 'config.json'), ('notes.txt',))

    Args:
        folder: where it lies.
        files: those that are published, without the card, by their path inside the folder.
        left_out: those that are not.
        config: what config.json says.
        report: what each language lost; None where nothing was measured.
        manifest: of the calibration set; None where there was none.
    """

    folder: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    config: dict[str, Any]
    report: MultilingualReport | None
    manifest: Manifest | None

    @classmethod
    def read(cls, folder: str | Path, include: Sequence[str] = ()) -> CheckpointFolder:
        """Reads a folder.

        Args:
            folder: of a checkpoint.
            include: patterns of further files to publish, such as "figures/*.png". Pickles and calibration sets stay there.

        Raises:
            CheckpointError: it is no folder of a quantized checkpoint, a report or manifest in it cannot be read, or a pattern
                finds nothing that may be published.
        """
        folder = Path(folder)
        config = _config(folder)
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        visible = [name for name in found if not any(part.startswith(".") for part in name.split("/"))]
        for pattern in include:
            if not any(fnmatchcase(name, pattern) and not _is_withheld(name) for name in visible):
                raise CheckpointError(
                    f"include={pattern!r} finds no file in {folder} that may be published; patterns are as in 'figures/*.png', "
                    f"and pickles (.bin, .pt, .pth, .pkl) and {ROWS_FILE} are never sent."
                )
        files = tuple(name for name in visible if name != CARD and is_published(name, include))
        left_out = tuple(name for name in found if name not in files and name != CARD)
        report = MultilingualReport.load(folder) if REPORT_FILE in files else None
        manifest = Manifest.load(folder / MANIFEST_FILE) if MANIFEST_FILE in files else None
        return cls(folder, files, left_out, config, report, manifest)

    @property
    def provenance(self) -> dict[str, Any]:
        """What this package wrote into config.json; empty for a checkpoint that others made."""
        return self.config.get(PROVENANCE_KEY) or {}

    @property
    def quantization(self) -> dict[str, Any]:
        """`quantization_config` as loaders read it."""
        return self.config.get("quantization_config") or {}

    @property
    def card(self) -> bytes | None:
        """The README.md in the folder; None where there is none."""
        path = self.folder / CARD
        return path.read_bytes() if path.is_file() else None


def is_published(name: str, include: Iterable[str] = ()) -> bool:
    """Whether a file of this path inside a checkpoint belongs to what is published.

    >>> is_published("model-00001-of-00002.safetensors"), is_published("calibration_set.parquet")
    (True, False)
    """
    if _is_withheld(name):
        return False
    own = [pattern for pattern in PUBLISHED if pattern.count("/") == name.count("/")]
    return any(fnmatchcase(name, pattern) for pattern in (*own, *include))


def _is_withheld(name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in WITHHELD)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not path.is_file():
        what = f"has no {CONFIG_FILE}" if folder.is_dir() else "is no folder"
        raise CheckpointError(f"{folder} {what}; give the folder that `model.save_pretrained` or `quantize` wrote.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be read ({error}); save the checkpoint again.") from error
    if not config.get("quantization_config") and not config.get(PROVENANCE_KEY):
        raise CheckpointError(
            f"{folder} is no quantized checkpoint: its {CONFIG_FILE} has no quantization_config. To publish the model as it "
            "is, use its own push_to_hub."
        )
    return config
