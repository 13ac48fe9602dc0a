"""Which calibration set costs which language how much: a small sweep, its tables, and its files."""

import tempfile
from pathlib import Path

from optimum_multilingual import EvaluationConfig, SweepPlan, sweep_settings

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

plan = SweepPlan(
    settings={
        "english": {"languages": ["en"], "num_rows": 6, "sequence_length": 32},
        "balanced": {"languages": ["en", "sw", "hi"], "num_rows": 6, "sequence_length": 32},
        "noise": {"nonsense": "random-tokens", "num_rows": 6, "sequence_length": 32},
    },
    quantizers={"gptq": {"method": "gptq"}},
    bits=[3],
    languages=["en", "sw", "hi"],
)

with tempfile.TemporaryDirectory() as folder:
    output = Path(folder) / "sweep"
    # Each cell is written when it is done: the same call again goes on where this one ended.
    result = sweep_settings(MODEL, plan, output, evaluation=EvaluationConfig(tokens_per_language=600))
    result.save(output)
    print(*sorted(path.name for path in output.iterdir()))

print(result)
