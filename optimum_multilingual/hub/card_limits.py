"""What a card does not claim, in plain words."""

from __future__ import annotations

from ..report.multilingual_report import MultilingualReport
from ..report.scores import BROKEN, DAMAGED
from .model_card import CardFacts

# Fewer tokens than these say little of a language.
FEW_TOKENS = 5_000


def limits_of(facts: CardFacts) -> list[str]:
    """One sentence for each limit, those of this model first."""
    report, manifest = facts.measured.report, facts.measured.manifest
    limits = ["Everything the base model cannot do, this one cannot do either."]
    if report is None:
        return ["No language was measured; measure those you need before you use it.", *limits]
    limits = [*_of_languages(report), *limits]
    if manifest is not None:
        measured = {score.language for score in report.scores}
        # Those of the facts, in which nonsense is no language.
        calibrated = [language for language in facts.measured.languages if language.tag in manifest.languages]
        unseen = [language.name for language in calibrated if language.tag not in measured]
        if unseen:
            limits.append(f"Calibrated on, but not measured: {', '.join(unseen)}.")
    limits.append("Languages that are not in the table were not measured, and may have lost more than any that is.")
    limits.append(
        "The numbers are of likelihoods on written text. They do not say what became of dialogue, reasoning or safety."
        if not report.tasks
        else "Tasks and likelihoods do not say what became of dialogue or safety."
    )
    setting = report.setting
    where = ", ".join(str(setting[key]) for key in ("kernel", "dtype", "device") if setting.get(key))
    if where:
        limits.append(f"Measured with {where}; other kernels and devices round otherwise.")
    return limits


def _of_languages(report: MultilingualReport) -> list[str]:
    limits = []
    broken = [score.name for score in report.worst_first if score.verdict == BROKEN]
    if broken:
        limits.append(f"Do not use it in {', '.join(broken)}: its scores there are no numbers.")
    damaged = [
        f"{score.name} ({score.relative_change.value:+.2%})" for score in report.worst_first if score.verdict == DAMAGED
    ]
    if damaged:
        shown = ", ".join(damaged[:10]) + (f" and {len(damaged) - 10} more" if len(damaged) > 10 else "")
        limits.append(f"It is worse than the base model in {shown}.")
    few = [score.name for score in report.worst_first if score.tokens < FEW_TOKENS]
    if few:
        limits.append(f"Measured on fewer than {FEW_TOKENS:,} tokens, so that intervals are wide: {', '.join(few)}.")
    if report.evaluation["corpus"].get("kind") == "embedded":
        limits.append(
            "The text it was measured on is the small corpus inside optimum-multilingual, for first runs and tests."
        )
    return limits
