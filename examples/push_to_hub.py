"""Publish a quantized model with what each language lost. Without a name nothing is sent, and what would be is shown.

python examples/push_to_hub.py [OWNER/NAME]
"""

import os
import sys
import tempfile
from pathlib import Path

dry_run = len(sys.argv) == 1
if dry_run:
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when the client of the Hub is imported, below

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from optimum_multilingual import MultilingualCalibrationConfig, load_report, push_to_hub  # noqa: E402

MODEL = Path(__file__).parent / "tiny-multilingual-lm"
REPOSITORY = "me/tiny-multilingual-lm-gptq" if dry_run else sys.argv[1]

config = MultilingualCalibrationConfig("gptq", bits=4, languages=["en", "sw", "zh"], num_rows=12, sequence_length=256)
model = AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=config)

with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(MODEL).save_pretrained(folder)
    # From a folder the weights are sent from where they lie; push_to_hub(model, REPOSITORY) saves them by itself.
    push = push_to_hub(folder, REPOSITORY, base_model=MODEL, dry_run=dry_run)

print(push)
if dry_run:
    print(push.card)
else:
    print(load_report(REPOSITORY))
