"""Every example runs as a user would run it, and prints what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROMISED = {
    "one_line.py": ["Amharic (am)", "macro mean", "verdicts, corrected"],
    "english_only_against_balanced.py": ["English only", "balanced", "worst"],
    "your_own_corpus.py": ["'swh_Latn': 8", "fingerprint:", "verdicts, corrected"],
    "minimax_mixture.py": ["rows best", "step by step", "'swh_Latn':"],
    "activations.py": ["patterns.png", "times chance", "The most alike are", "excess kurtosis"],
    "sweep_of_settings.py": ["sweep.parquet", "## gptq, 3 bits", "mean KL"],
    "evaluate_two_checkpoints.py": ["worst by KL:", "Swahili:"],
    "recover.py": ["adapter none", "adapter LoRA of rank 16", "Swahili"],
    "push_to_hub.py": [
        "would be sent to me/tiny-multilingual-lm-gptq",
        "model.safetensors",
        "## What each language lost",
    ],
}


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PROMISED)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_an_example_prints_what_it_promises(name, tmp_path):
    done = subprocess.run([sys.executable, EXAMPLES / name], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(words in done.stdout for words in PROMISED[name]), done.stdout
