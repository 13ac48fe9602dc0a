"""Hands a calibration set to other tools, in the forms they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..atomic_folder import written_aside
from ..errors import CalibrationSetError, MissingPackageError
from .calibration_set import CalibrationSet, write_json
from .rebuild import require_same_tokenizer

TEXT_FILE = "calibration.txt"
TENSORS_FILE = "calibration.safetensors"


def export_text(calibration_set: CalibrationSet, tokenizer: Any, folder: str | Path) -> list[Path]:
    """Writes the rows as plain text: all of them in order, and each language apart.

        calibration.txt              llama-imatrix -m model.gguf -f calibration.txt
        calibration.swh_Latn.txt     llama-imatrix -f ..., then merge with --in-file

    Rows are decoded without special tokens and end with a line break; llama.cpp encodes and cuts them by itself, so its
    chunks are not these rows.

    Args:
        calibration_set: the rows.
        tokenizer: the tokenizer they were built with.
        folder: where the files go.

    Raises:
        CalibrationSetError: the corpus may not be published again as text, or the tokenizer is another one.
    """
    if calibration_set.manifest.corpus.get("republish") is False:
        raise CalibrationSetError(
            f"The text of {calibration_set.manifest.corpus.get('name')} may not be published again, so it is not written "
            "out. Build the set from another corpus to export it as text."
        )
    require_same_tokenizer(calibration_set.manifest, tokenizer)
    texts = tokenizer.batch_decode([row.input_ids for row in calibration_set], skip_special_tokens=True)
    files: dict[str, list[str]] = {TEXT_FILE: texts}
    for row, text in zip(calibration_set, texts, strict=True):
        files.setdefault(f"calibration.{row.language.tag}.txt", []).append(text)
    with written_aside(Path(folder), TEXT_FILE) as aside:
        for name, lines in files.items():
            (aside / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [Path(folder, name) for name in files]


def export_examples(calibration_set: CalibrationSet) -> list[dict[str, list[int]]]:
    """The rows as GPTQModel's `quantize(calibration=...)` takes them: input_ids and attention_mask, lists of int."""
    rows = (row.input_ids.tolist() for row in calibration_set)
    return [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in rows]


def export_dataset(calibration_set: CalibrationSet) -> Any:
    """The rows as a `datasets.Dataset` with input_ids, attention_mask and language, for llm-compressor and AutoRound.

    Pass it on in a `DataLoader(dataset.with_format("torch"), batch_size=1)`: then neither shuffles, sorts, drops nor cuts
    a row.

    Raises:
        MissingPackageError: the package datasets is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingPackageError(
            'A datasets.Dataset needs the package datasets. Run: pip install "optimum-multilingual[datasets]"'
        ) from error
    languages = [row.language.tag for row in calibration_set]
    rows = export_examples(calibration_set)
    columns = {name: [row[name] for row in rows] for name in ("input_ids", "attention_mask")}
    return datasets.Dataset.from_dict({**columns, "language": languages})


def export_tensors(calibration_set: CalibrationSet, folder: str | Path) -> Path:
    """Writes token ids as safetensors, shape [rows, sequence_length], int32, with languages and fingerprint beside it.

    Raises:
        CheckpointError: they cannot be written; what was there is as it was.
    """
    from safetensors.numpy import save_file

    languages = [row.language.tag for row in calibration_set]
    described = {"fingerprint": calibration_set.fingerprint, "languages": languages}
    with written_aside(Path(folder), TENSORS_FILE) as aside:
        save_file({"input_ids": calibration_set.token_ids()}, aside / TENSORS_FILE)
        write_json(aside / "calibration.json", described)
    return Path(folder, TENSORS_FILE)
