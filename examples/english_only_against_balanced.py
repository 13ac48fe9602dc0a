"""English-only calibration against balanced calibration: the same model, bits, number of rows and evaluation text."""

from pathlib import Path

from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig

MODEL = Path(__file__).parent / "tiny-multilingual-lm"
LANGUAGES = ["en", "fr", "ru", "zh", "ar", "hi", "sw", "am"]

reports = {}
for name, calibration_languages in {"English only": ["en"], "balanced": LANGUAGES}.items():
    config = MultilingualCalibrationConfig(
        "gptq",
        bits=3,
        languages=calibration_languages,
        num_rows=24,
        sequence_length=128,
        evaluation=EvaluationConfig(languages=LANGUAGES),
    )
    model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)
    reports[name] = model.multilingual_report

print("KL to the model before quantization, 3 bits, 24 rows of 128 tokens\n")
print("| language     | English only | balanced |")
print("| :----------- | -----------: | -------: |")
for score in reports["balanced"].scores:
    english_only = reports["English only"][score.language].kl.mean.value
    print(f"| {score.name:12} | {english_only:12.4f} | {score.kl.mean.value:8.4f} |")
for label, statistic in {"macro mean": "macro_mean", "worst": "worst_value", "gap": "gap"}.items():
    values = [getattr(report.summary("kl"), statistic) for report in reports.values()]
    print(f"| {label:12} | {values[0]:12.4f} | {values[1]:8.4f} |")
