"""Your own texts: a folder with one file for each language, weights of your choice, and a set you can keep."""

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set

HERE = Path(__file__).parent
MODEL = HERE / "tiny-multilingual-lm"

# en.txt, sw.jsonl.gz, Chinese.parquet, ...: this folder of the package happens to be such a one; give your own.
CORPUS = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "optimum_multilingual" / "data" / "corpus"

config = MultilingualCalibrationConfig(
    "gptq",
    bits=4,
    languages=["en", "sw", "zh"],
    corpus=CORPUS,
    mixture={"en": 1, "sw": 2, "zh": 1},
    num_rows=16,
    sequence_length=256,
)

# Look at the set before it is used. One document in five is kept apart for the evaluation.
calibration_set = build_calibration_set(config, AutoTokenizer.from_pretrained(MODEL))
print("rows:", calibration_set.rows_of_languages())
print("fingerprint:", calibration_set.fingerprint[:16])

model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)
assert model.calibration_manifest.fingerprint == calibration_set.fingerprint

print(model.multilingual_report)
