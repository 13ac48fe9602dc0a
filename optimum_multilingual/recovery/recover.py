"""From a quantized checkpoint and its reference to an adapter, with what each language lost before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..backends.trainable import keep_layout, trainable_options
from ..calibration.asked_set import calibration_set_of, languages_of
from ..calibration.calibration_set import Manifest
from ..calibration.tokenization import load_tokenizer
from ..comparison import linear_layers_of, load_checkpoint, prepare_comparison, require_tokenizer_of, setting_of
from ..config import MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError
from ..evaluation.evaluator import Evaluation, Reference, run_quantized, run_reference
from ..evaluation.processes import Processes
from ..evaluation.state_store import StateStore
from ..hub.card_languages import with_card_languages
from ..model_checks import load_config, longest_sequence, require_text_only
from ..report.measures import make_report
from ..report.multilingual_report import MultilingualReport
from .adapter import add_adapter, require_free, require_peft, save_adapter
from .distillation import distil, teacher_states
from .recovery_config import RecoveryConfig


@dataclass(frozen=True)
class Recovery:
    """What a recovery did.

    Args:
        before: what each language lost by quantization.
        after: the same with the adapter, against the same reference on the same text.
        losses: divergence on the calibration rows at each step, nats a token.
    """

    before: MultilingualReport
    after: MultilingualReport
    losses: tuple[float, ...]


def recover_checkpoint(
    quantized: str | Path,
    reference: str | Path,
    output: str | Path,
    config: MultilingualCalibrationConfig,
    recovery: RecoveryConfig | None = None,
    device_map: Any = None,
) -> Recovery:
    """Trains a LoRA adapter on a quantized model against the model it was made of, and saves it apart.

        >>> config = MultilingualCalibrationConfig(languages=["en", "sw", "zh"], corpus="my_texts/")
        >>> recover_checkpoint("nf4/", "me/model", "adapter/", config).after.summary("kl").macro_mean
        >>> PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("nf4/"), "adapter/")     # anywhere

    The reference's final hidden states are kept and its weights dropped before the quantized model loads.

    Args:
        quantized: name or folder of a checkpoint that peft can train on: bitsandbytes or GPTQ.
        reference: name or folder of the model before.
        output: new folder for the adapter.
        config: languages, text, shares and sizes of the rows to train on, or a calibration set built before, and the
            evaluation; its method plays no part.
        recovery: how long and how hard; None for the defaults.
        device_map: for both models, as in `from_pretrained`.

    Raises:
        MissingPackageError: peft is not installed.
        CheckpointError: the output folder is not free.
        ConfigError: several processes, no evaluation, one with tasks, or rows longer than the reference's maximum.
        CalibrationSetError: a given set does not fit the reference or the languages.
        TokenizerError, ModelError: the two are not forms of one model, or peft cannot train on the quantized one.

    Source: Dettmers et al., "QLoRA" (2023); Hinton et al., "Distilling the knowledge in a neural network" (2015).
    """
    require_peft()
    count = Processes.current().count
    if count > 1:
        raise ConfigError(f"A recovery trains in one process, and {count} were launched; run it without torchrun.")
    require_free(Path(output))
    settings = recovery or RecoveryConfig()
    if config.evaluation is None:
        raise ConfigError("A recovery is measured before and after; leave evaluation=None out.")
    if config.evaluation.tasks:
        raise ConfigError("A recovery measures text only; leave evaluation.tasks out.")
    config = with_card_languages(config, reference)
    config = replace(config, corpus=open_corpus(config.corpus, config.text_column, config.language_column))
    tokenizer = load_tokenizer(config.tokenizer, str(reference))
    require_tokenizer_of(str(quantized), tokenizer)
    rows = calibration_set_of(config, tokenizer, longest_sequence(load_config(reference)))
    assert config.evaluation is not None
    if not config.evaluation.languages:
        config = replace(config, languages=languages_of(config, rows))
    evaluation, manifest = prepare_comparison(config, tokenizer, reference, quantized, rows.manifest)
    before, store = load_checkpoint(reference, device_map), StateStore(evaluation.settings.reference_memory)
    require_text_only(before)
    kept = run_reference(before, evaluation)
    teacher_states(before, rows, min(len(rows), settings.steps * settings.rows_per_step), store)
    layers, revision = linear_layers_of(before), getattr(before.config, "_commit_hash", None)
    del before
    model = keep_layout(load_checkpoint(quantized, device_map, trainable_options(str(quantized))))
    setting = setting_of(reference, quantized, revision, model, layers)
    loss_before = _report(model, evaluation, kept, {**setting, "adapter": "none"}, manifest)
    adapted = add_adapter(model, layers, settings)
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    losses = distil(model, rows, store, kept.head, trained, settings)
    named = {**setting, "adapter": f"LoRA of rank {settings.rank}"}
    loss_after = _report(model, evaluation, kept, named, rows.manifest)
    save_adapter(adapted, Path(output), loss_before, loss_after, rows.manifest)
    return Recovery(loss_before, loss_after, tuple(losses))


def _report(
    model: Any, evaluation: Evaluation, reference: Reference, setting: dict[str, Any], read: Manifest | None
) -> MultilingualReport:
    measured = run_quantized(model, evaluation, reference)
    return make_report(measured, evaluation, setting, read, reference.noise_floor, experts=reference.experts)
