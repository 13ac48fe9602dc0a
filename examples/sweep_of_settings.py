"""Which calibration set costs which language how much: a small sweep, its tables, and its files."""

import tempfile
from pathlib import Path

from optimum_multilingual import EvaluationConfig, SweepPlan, sweep_settings

MODEL = Path(__file__).parent / "tiny-multilingual-lm"

plan = SweepPlan(
    settings={
        "english": {"languages": ["en"], "num_rows": 12, "sequence_length": 64},
        "balanced": {"languages": ["en", "sw", "hi"], "num_rows": 12, "sequence_length": 64},
        "noise": {"nonsense": "random-tokens", "num_rows": 12, "sequence_length": 64},
    },
    quantizers={"gptq": {"method": "gptq"}},
    bits=[3],
    languages=["en", "sw", "hi"],
)

with tempfile.TemporaryDirectory() as folder:
    # Each cell is written when it is done: the same call again goes on where this one ended.
    result = sweep_settings(MODEL, plan, folder, evaluation=EvaluationConfig(tokens_per_language=1000))
    result.save(folder)
    print(*sorted(path.name for path in Path(folder).iterdir()))

print(result)
