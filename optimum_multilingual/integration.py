"""Joins Transformers: the quantizer behind `from_pretrained(..., quantization_config=MultilingualCalibrationConfig(...))`."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from transformers.quantizers import HfQuantizer
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING, register_quantizer

from .analysis.minimax_sets import MinimaxSets
from .analysis.workbench import quantize_everywhere
from .backends import find_backend
from .calibration.asked_set import calibration_set_of, languages_of
from .calibration.calibration_set import CalibrationSet, Manifest
from .calibration.tokenization import load_tokenizer
from .checkpoint import attach, setting_of, warn_of_unsavable
from .config import QUANT_METHOD, MultilingualCalibrationConfig
from .corpora import open_corpus
from .evaluation.evaluator import (
    Evaluation,
    Reference,
    prepare_evaluation,
    run_quantized,
    run_reference,
    run_tasks,
)
from .evaluation.processes import Processes
from .hub.card_languages import with_card_languages
from .least_time import tell_least_time
from .loaded_weights import LoadingWatch
from .memory_plan import MemoryPlan
from .model_checks import (
    longest_sequence,
    require_causal_lm,
    require_in_memory,
    require_one_device,
    require_text_only,
)
from .report.draws import Draw, all_draws, draw_of
from .report.measures import make_report
from .report.multilingual_report import MultilingualReport
from .report.preflight import check_coverage, measures_others

# What asks for copies of the model, in a refusal.
SEARCH = "mixture='minimax'"

__all__ = ["MultilingualCalibrationConfig", "MultilingualQuantizer"]


class MultilingualQuantizer(HfQuantizer):
    """The quantizer Transformers calls while it loads a model with our configuration.

        from_pretrained
          ├─ __init__                  method, settings, packages
          ├─ (model built without weights)
          ├─ before weight loading     model family and sizes, languages, tokenizer, calibration set, evaluation text
          ├─ (weights loaded, model dispatched)
          └─ postprocess_model         search of shares if asked for, reference pass, languages beyond the rows, engine,
                                       quantized pass, report

    Whatever can be wrong is found before the weights load. Afterwards the model carries upstream's own config and
    quantizer, and no trace of this class.
    """

    requires_calibration = False
    quantization_config: MultilingualCalibrationConfig  # type: ignore[assignment]  # upstream asks for no base class

    def __init__(self, quantization_config: Any, **kwargs: Any):
        super().__init__(quantization_config, **kwargs)
        self.backend = find_backend(self.quantization_config)

    def update_device_map(self, device_map: Any) -> Any:
        require_in_memory(device_map)
        if self.quantization_config.mixture == "minimax":
            require_one_device(device_map, SEARCH)
        self.device_map = {"": Processes.current().device} if device_map is None else device_map
        return self.device_map

    def _process_model_before_weight_loading(self, model: Any, **kwargs: Any) -> None:
        require_causal_lm(model)
        require_text_only(model)
        self.backend.check_model(model)
        self.loading = LoadingWatch(model)
        commit, max_length = getattr(model.config, "_commit_hash", None), longest_sequence(model.config)
        config = with_card_languages(self.quantization_config, model.config.name_or_path, commit)
        # Transformers makes every new tensor a meta one here; `datasets` makes tensors while it reads.
        with torch.device("cpu"):
            self._prepare(config, model.config.name_or_path, commit, max_length)
            copies = 1 if self.other_draws or self.minimax is not None else 0
            plan = MemoryPlan.of(model, self._calibration_tokens, self.evaluation, copies, self.backend.rows_held)
            plan.require_room(self.device_map)

    def _prepare(
        self, config: MultilingualCalibrationConfig, name: str, commit: str | None, max_length: int | None
    ) -> None:
        # Opened once: what can be read only once, and what is slow to open, serves calibration and evaluation.
        config = replace(config, corpus=open_corpus(config.corpus, config.text_column, config.language_column))
        given = config.tokenizer or getattr(config.method, "tokenizer", None)
        tokenizer = load_tokenizer(given, name, commit)
        self.calibration_set: CalibrationSet | None = None
        self.other_draws: list[CalibrationSet] = []
        self.minimax: MinimaxSets | None = None
        self.evaluation: Evaluation | None = None
        if config.mixture == "minimax":
            self.minimax = MinimaxSets.prepare(config, tokenizer, max_length)
            self.evaluation = self.minimax.evaluation
            return
        if self.backend.capability.needs_calibration:
            self.calibration_set = calibration_set_of(config, tokenizer, max_length)
            seeds = range(config.seed + 1, config.seed + config.seeds)
            self.other_draws = [calibration_set_of(replace(config, seed=seed), tokenizer, max_length) for seed in seeds]
        if config.evaluation is not None:
            languages = config.evaluation.resolved_languages or languages_of(config, self.calibration_set)
            row_length = None if self.manifest is None else self.manifest.sequence_length
            manifests = [] if self.manifest is None else [self.manifest, *(draw.manifest for draw in self.other_draws)]
            self.evaluation = prepare_evaluation(config, languages, tokenizer, max_length, row_length, manifests)

    @property
    def manifest(self) -> Manifest | None:
        """Of the calibration set; None when the method needs none, and while its shares are not found."""
        return None if self.calibration_set is None else self.calibration_set.manifest

    @property
    def _calibration_tokens(self) -> int:
        if self.minimax is not None:
            pool = self.minimax.pools[0]
            return pool.num_rows * pool.sequence_length
        return 0 if self.calibration_set is None else sum(len(row.input_ids) for row in self.calibration_set)

    def postprocess_model(self, model: Any, **kwargs: Any) -> None:
        require_in_memory(getattr(model, "hf_device_map", None))
        self.remove_quantization_config(model)
        self.loading.require_all_weights(model.name_or_path)
        warn_of_unsavable(model)
        report: MultilingualReport | None = None
        if self.evaluation is not None:
            searched, seeds = self.minimax is not None, self.quantization_config.seeds
            tell_least_time(model, self.evaluation, self._calibration_tokens, seeds, searched)
        if self.minimax is not None:
            require_one_device(getattr(model, "hf_device_map", None), SEARCH)
            self.calibration_set, *self.other_draws = self.minimax.find(model)
        if self.evaluation is None:
            self._quantize(model, self.calibration_set)
        else:
            if self.other_draws:
                require_one_device(getattr(model, "hf_device_map", None), "seeds=")
            checked = self.quantization_config.check_coverage and measures_others(self.evaluation, self.calibration_set)
            reference = run_reference(model, self.evaluation, watch_ranges=checked)
            coverage = check_coverage(model, self.calibration_set, self.evaluation, reference) if checked else ()
            draws = self._repeat(model, self.evaluation, reference)
            self._quantize(model, self.calibration_set)
            report = self._measure(model, self.evaluation, reference)
            report = replace(report, draws=all_draws(report, self.manifest, draws), coverage=coverage)
        attach(model, self.backend, self.manifest, report)

    def _repeat(self, model: Any, evaluation: Evaluation, reference: Reference) -> list[Draw]:
        """What a copy of the model loses with each other draw of the calibration set; one copy is there at a time."""

        def draw(calibration_set: CalibrationSet) -> Draw:
            twin = copy.deepcopy(model)
            self._quantize(twin, calibration_set)
            return draw_of(calibration_set.manifest, run_quantized(twin, evaluation, reference))

        return [draw(calibration_set) for calibration_set in self.other_draws]

    def _quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        quantize_everywhere(self.backend, model, calibration_set, Processes.current())

    def _measure(self, model: Any, evaluation: Evaluation, reference: Reference) -> MultilingualReport:
        with self.backend.running():
            measured = run_quantized(model, evaluation, reference)
        setting = setting_of(model, self.backend)
        tasks = run_tasks(model, evaluation, reference)
        return make_report(
            measured, evaluation, setting, self.manifest, reference.noise_floor, tasks, reference.experts
        )

    def is_serializable(self) -> bool:
        return True

    @property
    def is_trainable(self) -> bool:
        return False


if QUANT_METHOD not in AUTO_QUANTIZER_MAPPING:
    register_quantizer(QUANT_METHOD)(MultilingualQuantizer)
