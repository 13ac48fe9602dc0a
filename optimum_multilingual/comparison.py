"""Compares any two checkpoints, language by language."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from transformers.utils import cached_file

from .backends.layer_checks import linear_layers
from .backends.quiet import quiet_import
from .calibration.calibration_set import MANIFEST_FILE, Manifest
from .calibration.tokenization import describe_tokenizer, load_tokenizer
from .config import EvaluationConfig, MultilingualCalibrationConfig
from .errors import MissingPackageError, ModelError, TokenizerError
from .evaluation.evaluator import Evaluation, prepare_evaluation, run_quantized, run_reference, run_tasks
from .evaluation.processes import Processes
from .hub.card_languages import with_card_languages
from .languages import Language
from .loaded_weights import require_all_weights
from .model_checks import load_config, longest_sequence, public_name, require_causal_lm, require_causal_lm_config
from .report.measures import make_report
from .report.multilingual_report import MultilingualReport

logger = logging.getLogger(__name__)


def evaluate_checkpoints(
    reference: str | Path,
    quantized: str | Path,
    languages: str | Sequence[str | Language],
    corpus: Any = "embedded",
    evaluation: EvaluationConfig | None = None,
    text_column: str = "text",
    language_column: str = "language",
    tokenizer: Any = None,
    device_map: Any = None,
    gguf_file: str | None = None,
) -> MultilingualReport:
    """Measures what each language loses from one checkpoint to another, however the second was made.

        >>> print(evaluate_checkpoints("BSC-LT/salamandra-2b", "me/salamandra-2b-gptq", ["en", "es", "eu"], "texts/"))

    Args:
        reference: name or folder of the model before.
        quantized: name or folder of the model after, or a GGUF file; anything that AutoModelForCausalLM loads.
        languages: those to measure; a list, or the name of a preset ("auto": those on the card of the reference).
        corpus: where the text comes from; its evaluation part is used, or all of `evaluation.corpus` if that is given.
        evaluation: how much text, and the bootstrap.
        text_column: the key or column that holds the text.
        language_column: the column that holds the language, in a `datasets.Dataset`.
        tokenizer: a tokenizer or its name; None finds it beside the reference.
        device_map: for both models, as in `from_pretrained`.
        gguf_file: name of the GGUF file in the folder or repository `quantized`; Transformers computes with its weights in
            full precision, so what is measured is the loss of rounding.

    Raises:
        TokenizerError: the two have different tokenizers.
        ModelError: they have different vocabularies, or cannot be measured.
        MissingPackageError: a GGUF file, and the package gguf is not installed.
        OverlapError: the quantized model brings a manifest, and some of the text is in it.
    """
    config = MultilingualCalibrationConfig(
        languages=languages,
        corpus=corpus,
        text_column=text_column,
        language_column=language_column,
        evaluation=evaluation or EvaluationConfig(),
    )
    config = with_card_languages(config, reference)
    compared = quantized if gguf_file is None else f"{quantized}/{gguf_file}"
    quantized, how = _gguf_of(quantized, gguf_file)
    tokenizer = load_tokenizer(tokenizer, str(reference))
    require_tokenizer_of(str(quantized), tokenizer)
    prepared, manifest = prepare_comparison(config, tokenizer, reference, quantized, how=how)
    before = load_checkpoint(reference, device_map)
    states = run_reference(before, prepared)
    layers = linear_layers_of(before)
    revision = getattr(before.config, "_commit_hash", None)
    del before
    after = load_checkpoint(quantized, device_map, how)
    measured = run_quantized(after, prepared, states)
    tasks = run_tasks(after, prepared, states)
    setting = setting_of(reference, compared, revision, after, layers)
    return make_report(measured, prepared, setting, manifest, states.noise_floor, tasks, states.experts)


def _gguf_of(quantized: str | Path, gguf_file: str | None) -> tuple[str | Path, dict[str, str]]:
    """The folder or repository of a checkpoint, and what `from_pretrained` needs to find a GGUF file in it."""
    path = Path(quantized)
    if gguf_file is None and path.suffix == ".gguf" and path.is_file():
        quantized, gguf_file = path.parent, path.name
    if gguf_file is None:
        return quantized, {}
    if find_spec("gguf") is None:
        raise MissingPackageError(
            f'{gguf_file} is read by the package gguf. Run: pip install "optimum-multilingual[gguf]"'
        )
    return quantized, {"gguf_file": gguf_file}


def prepare_comparison(
    config: MultilingualCalibrationConfig,
    tokenizer: Any,
    reference: str | Path,
    quantized: str | Path,
    trained_on: Manifest | None = None,
    how: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Evaluation, Manifest | None]:
    """Everything that can be known before weights are loaded: the text to measure on, and the manifest beside `quantized`.

    Args:
        config: languages, text, and the evaluation.
        tokenizer: of both.
        reference: name or folder of the model before.
        quantized: name or folder of the model after.
        trained_on: manifest of further text that is not to be measured on.
        how: further arguments of `from_pretrained` for the model after.

    Raises:
        ModelError: they have different vocabularies, or are no causal language models.
        CorpusError: the text cannot be read, or is in a manifest.
    """
    before, after = load_config(reference), load_config(quantized, **how)
    for name, each in ((reference, before), (quantized, after)):
        require_causal_lm_config(each, str(name))
    rounded = getattr(before, "quantization_config", None)
    if rounded is not None:
        method = rounded.get("quant_method")
        logger.warning(
            "The reference %s is quantized itself (%s); losses are against what it has left.", reference, method
        )
    sizes = [each.get_text_config().vocab_size for each in (before, after)]
    if sizes[0] != sizes[1]:
        raise ModelError(
            f"{reference} has a vocabulary of {sizes[0]}, {quantized} of {sizes[1]}; only two forms of one model can be "
            "compared."
        )
    assert config.evaluation is not None
    manifest = _manifest_beside(quantized)
    languages = config.evaluation.resolved_languages or config.resolved_languages
    row_length = None if manifest is None else manifest.sequence_length
    longest, calibrations = longest_sequence(before), [each for each in (manifest, trained_on) if each is not None]
    return prepare_evaluation(config, languages, tokenizer, longest, row_length, calibrations), manifest


def load_checkpoint(name: str | Path, device_map: Any, options: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """Loads a causal language model and proves that all of its weights were in the checkpoint.

    Args:
        name: name or folder.
        device_map: as in `from_pretrained`; with several processes None is the device of each.
        options: further arguments of it.

    Raises:
        ModelError: weights are missing, or it is no causal language model.
    """
    # Joined before anything is loaded: "cuda" then means this process's device, not the first one for all.
    processes = Processes.current()
    own_device = {"": processes.device} if processes.count > 1 else None
    with quiet_import():
        from transformers import AutoModelForCausalLM

        with_info: Any = AutoModelForCausalLM.from_pretrained(
            str(name), device_map=device_map or own_device, output_loading_info=True, **options
        )
    model, loaded = with_info
    require_all_weights(str(name), (*loaded["missing_keys"], *loaded["mismatched_keys"]))
    require_causal_lm(model)
    return model


def require_tokenizer_of(quantized: str, tokenizer: Any) -> None:
    """Refuses a checkpoint that brings another tokenizer than this one.

    Raises:
        TokenizerError: it does.
    """
    try:
        other = load_tokenizer(None, quantized)
    except TokenizerError:
        return  # A quantized folder often holds weights only; the vocabulary is compared later.
    if describe_tokenizer(tokenizer)["sha256"] != describe_tokenizer(other)["sha256"]:
        raise TokenizerError(
            f"{quantized} has another tokenizer than the reference, so tokens of the two mean different text; compare two "
            "forms of one model."
        )


def _manifest_beside(checkpoint: str | Path) -> Manifest | None:
    """The manifest that came with a checkpoint, in a folder or on the Hub; None where none did."""
    path = cached_file(str(checkpoint), MANIFEST_FILE, _raise_exceptions_for_missing_entries=False)
    return None if path is None else Manifest.load(path)


def linear_layers_of(model: Any) -> set[str]:
    """Names of the linear layers of a dense model, without its output projection."""
    return set(linear_layers(model, ("Linear", "Conv1D")))


def setting_of(
    reference: Any, quantized: Any, revision: str | None, model: Any, linear_layers: set[str]
) -> dict[str, Any]:
    """What a report says of two checkpoints, by the config and the layers of the second.

    Args:
        reference: name or folder of the model before.
        quantized: name or folder of the model after.
        revision: commit of the model before.
        model: the model after.
        linear_layers: names of the linear layers before.
    """
    upstream = getattr(model.config, "quantization_config", None)
    config = {} if upstream is None else upstream.to_dict()
    method = config.get("quant_method")
    kinds = Counter(type(layer).__name__ for name, layer in model.named_modules() if name in linear_layers)
    kinds.pop("Linear", None)
    return {
        "model": public_name(str(reference)),
        "revision": revision,
        "compared": public_name(str(quantized)),
        "method": None if method is None else str(getattr(method, "value", method)),
        "bits": config.get("bits"),
        "group_size": config.get("group_size"),
        "kernel": kinds.most_common(1)[0][0] if kinds else "Linear",
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
    }
