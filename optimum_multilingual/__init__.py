"""Quantize multilingual language models with language-balanced calibration, and see what each language lost.

from transformers import AutoModelForCausalLM
from optimum_multilingual import MultilingualCalibrationConfig

config = MultilingualCalibrationConfig("gptq", bits=4, languages=["en", "sw", "zh"])
model = AutoModelForCausalLM.from_pretrained("path/or/name", quantization_config=config)
print(model.multilingual_report)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> module that holds it, imported on first use: `import optimum_multilingual` takes milliseconds.
# The configuration comes through `integration`, which makes it known to `from_pretrained`.
_HOME = {
    "CalibrationSet": "calibration.calibration_set",
    "Document": "corpora.document",
    "EvaluationConfig": "config",
    "HubCorpus": "corpora.hub",
    "Language": "languages",
    "MultilingualCalibrationConfig": "integration",
    "MultilingualError": "errors",
    "MultilingualPerplexity": "evaluation.perplexity",
    "MultilingualReport": "report.multilingual_report",
    "Recovery": "recovery.recover",
    "RecoveryConfig": "recovery.recovery_config",
    "SweepPlan": "analysis.sweep_plan",
    "build_calibration_set": "calibration.build",
    "build_nonsense_set": "calibration.nonsense",
    "compare_reports": "report.compare",
    "evaluate_checkpoints": "comparison",
    "export_dataset": "calibration.export",
    "export_examples": "calibration.export",
    "export_tensors": "calibration.export",
    "export_text": "calibration.export",
    "find_language": "languages",
    "find_minimax_mixture": "analysis.minimax",
    "find_sufficient_size": "analysis.size",
    "find_sweep": "analysis.sweep_plan",
    "load_report": "hub.load_report",
    "measure_activations": "analysis.activations",
    "merge_reports": "report.merge",
    "published_setting": "calibration.published",
    "push_to_hub": "hub.push",
    "recover_checkpoint": "recovery.recover",
    "sweep_settings": "analysis.sweep",
}

# Without MultilingualPerplexity, which needs the extra evaluate: `import *` takes every name here.
__all__ = [
    "CalibrationSet",
    "Document",
    "EvaluationConfig",
    "HubCorpus",
    "Language",
    "MultilingualCalibrationConfig",
    "MultilingualError",
    "MultilingualReport",
    "Recovery",
    "RecoveryConfig",
    "SweepPlan",
    "build_calibration_set",
    "build_nonsense_set",
    "compare_reports",
    "evaluate_checkpoints",
    "export_dataset",
    "export_examples",
    "export_tensors",
    "export_text",
    "find_language",
    "find_minimax_mixture",
    "find_sufficient_size",
    "find_sweep",
    "load_report",
    "measure_activations",
    "merge_reports",
    "published_setting",
    "push_to_hub",
    "recover_checkpoint",
    "sweep_settings",
]

if TYPE_CHECKING:
    from .analysis.activations import measure_activations
    from .analysis.minimax import find_minimax_mixture
    from .analysis.size import find_sufficient_size
    from .analysis.sweep import sweep_settings
    from .analysis.sweep_plan import SweepPlan, find_sweep
    from .calibration.build import build_calibration_set
    from .calibration.calibration_set import CalibrationSet
    from .calibration.export import export_dataset, export_examples, export_tensors, export_text
    from .calibration.nonsense import build_nonsense_set
    from .calibration.published import published_setting
    from .comparison import evaluate_checkpoints
    from .config import EvaluationConfig, MultilingualCalibrationConfig
    from .corpora.document import Document
    from .corpora.hub import HubCorpus
    from .errors import MultilingualError
    from .evaluation.perplexity import MultilingualPerplexity as MultilingualPerplexity
    from .hub.load_report import load_report
    from .hub.push import push_to_hub
    from .languages import Language, find_language
    from .recovery.recover import Recovery, recover_checkpoint
    from .recovery.recovery_config import RecoveryConfig
    from .report.compare import compare_reports
    from .report.merge import merge_reports
    from .report.multilingual_report import MultilingualReport


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
