"""How many tokens per language are enough for the small model, on text it was not trained on.

    python benchmarks/size.py --model FOLDER --corpora FOLDER [--bits 3] [--tokens 8192] [--seeds 3] [--output FOLDER]

FOLDER of the corpora holds text/<language>.jsonl.gz, of which every tenth document was never trained on and is calibrated with,
and parallel/ntrex.tar.xz, whose news articles are measured on. Sizes are halves of the largest, down to one row; rows with the
highest KL are compared with random ones at a quarter of it. The model is taken in float32, in which a CPU is several times
as fast as in bfloat16. A run that ended goes on where --output is given.
"""

import argparse
import tempfile
from pathlib import Path

from minimax import articles, in_float32, untrained

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, find_sufficient_size

LANGUAGES = ["en", "fr", "ru", "zh", "hi", "sw"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--bits", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=8_192, help="of each language, in the largest set")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluation-tokens", type=int, default=3_000)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    config = MultilingualCalibrationConfig(
        "gptq",
        bits=args.bits,
        group_size=64,
        languages=args.languages,
        corpus={language: untrained(args.corpora, language) for language in args.languages},
        tokens_per_language=args.tokens,
        sequence_length=args.length,
        seeds=args.seeds,
        evaluation=EvaluationConfig(
            corpus={language: articles(args.corpora, language, 0) for language in args.languages},
            tokens_per_language=args.evaluation_tokens,
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        output = args.output or Path(folder) / "size"
        model = in_float32(args.model, output / args.model.name)
        found = find_sufficient_size(model, config, output / "study", select=True)
        found.save(output / "study")
    print(found)
    print(", ".join(f"{phase} {spent:.0f} s" for phase, spent in found.seconds.items()))


if __name__ == "__main__":
    main()
