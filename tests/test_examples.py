"""Every example runs, and prints what it promises."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

# The first thing that a user runs, and one that sets the environment before it imports.
BY_THEMSELVES = ("one_line.py", "push_to_hub.py")
EXAMPLES = Path(__file__).parent.parent / "examples"
PROMISED = {
    "one_line.py": ["Amharic (am)", "macro mean", "verdicts, corrected"],
    "english_only_against_balanced.py": ["English only", "balanced", "worst"],
    "your_own_corpus.py": ["'swh_Latn': 8", "fingerprint:", "verdicts, corrected"],
    "minimax_mixture.py": ["rows best", "step by step", "'swh_Latn':"],
    "size_of_set.py": ["surface.png", "flat from", "the mean KL changes by"],
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


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_an_example_runs_as_a_user_runs_it(name, tmp_path):
    done = subprocess.run([sys.executable, EXAMPLES / name], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(words in done.stdout for words in PROMISED[name]), done.stdout


# In this process, since a new one imports for ten seconds.
@pytest.mark.parametrize("name", sorted(set(PROMISED) - set(BY_THEMSELVES)))
def test_an_example_prints_what_it_promises(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    assert all(words in printed for words in PROMISED[name]), printed
