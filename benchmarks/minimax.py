"""English only, proportional, uniform and minimax calibration at equal tokens, and sets of each language alone.

    python benchmarks/minimax.py --model FOLDER --corpora FOLDER [--bits 2 3 4] [--seeds 0 1 2] [--output FOLDER]

FOLDER of the corpora holds text/<language>.jsonl.gz, of which every tenth document was never trained on and is calibrated with,
and parallel/ntrex.tar.xz: of its news articles the even ones are the tuning text of the search, the odd ones the text of
the tables. For each number of bits the shares are searched with the first seed, then all mixtures are quantized with every
seed: "minimax" is what the search found, "worst-alone" what it would have found if the mean did not count, "matched" a model for
each language, calibrated on it alone (on as many rows as its text gives) and measured on it alone. The model is taken in float32,
in which a CPU is several times as fast as in bfloat16.
"""

import argparse
import gzip
import json
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    SweepPlan,
    find_minimax_mixture,
    sweep_settings,
)
from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.atomic_folder import written_aside
from optimum_multilingual.evaluation.bootstrap import percentile_interval
from optimum_multilingual.languages import find_language
from optimum_multilingual.report.pooling import Column

LANGUAGES = ["en", "fr", "es", "de", "ru", "zh", "ar", "hi", "ja", "sw", "xh", "yo", "am"]
EVERY = 10
ARGUMENTS, SOURCE = "arguments.json", "copy_of.txt"
QUANTIZERS = {"gptq": {"method": "gptq", "group_size": 64}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--bits", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tuning-tokens", type=int, default=8_000)
    parser.add_argument("--tokens", type=int, default=12_288)
    parser.add_argument("--output", type=Path, help="keeps searches and cells, from which a run that ended goes on")
    args = parser.parse_args()
    calibration = {language: untrained(args.corpora, language) for language in LANGUAGES}
    tuning, final = ({language: articles(args.corpora, language, first) for language in LANGUAGES} for first in (0, 1))
    with tempfile.TemporaryDirectory() as folder:
        output = args.output or Path(folder)
        model = in_float32(args.model, output / "float32" / args.model.name)
        for bits in args.bits:
            compare(model, bits, args, calibration, tuning, final, output)


def compare(model, bits, args, calibration, tuning, final, output):
    size = {"num_rows": args.rows, "sequence_length": args.length}
    all_languages = {"languages": LANGUAGES, **size}
    mixtures = {
        "english": {"languages": ["en"], **size},
        "proportional": {**all_languages, "mixture": "proportional"},
        "uniform": all_languages,
    }
    for name, shares in searched(model, bits, args, calibration, tuning, output / f"{bits}bit-search").items():
        mixtures[name] = {**all_languages, "mixture": shares}

    def documents(settings, languages, folder):
        """Sums of every document, for each setting and seed."""
        plan = SweepPlan(settings, QUANTIZERS, bits=[bits], seeds=args.seeds, languages=languages)
        evaluation = EvaluationConfig(corpus=final, tokens_per_language=args.tokens)
        result = sweep_settings(model, plan, folder, corpus=calibration, evaluation=evaluation)
        result.save(folder)
        (group,) = result.groups()
        return {name: [measured.documents for measured in of_it] for name, of_it in group.cells.items()}

    sums = documents(mixtures, LANGUAGES, output / f"{bits}bit")
    tokenizer, matched = AutoTokenizer.from_pretrained(model), [{} for _ in args.seeds]
    for language in LANGUAGES:
        rows = min(args.rows, rows_there(calibration[language], tokenizer, args.length))
        if rows < args.rows:
            print(f"matched: the text of {language} gives {rows} rows of {args.rows}", flush=True)
        setting = {"languages": [language], **size, "num_rows": rows}
        alone = documents({language: setting}, [language], output / f"{bits}bit-{language}")
        for joined, of_seed in zip(matched, alone[language], strict=True):
            joined.update(of_seed)
    for tag, of_it in sums["uniform"][0].items():
        assert np.array_equal(of_it[:, Column.TOKENS], matched[0][tag][:, Column.TOKENS]), (
            "measured on the same documents"
        )
    sums["matched"] = matched
    settings = EvaluationConfig()
    losses = Losses.of(sums, "kl", settings.bootstrap_draws, settings.confidence, settings.seed)
    print(f"# {bits} bits: {len(args.seeds)} draws of the calibration text\n\n{table(losses, 'uniform')}\n", flush=True)


def searched(model, bits, args, calibration, tuning, folder):
    """What a search finds, and the mixture with the lowest worst language that it tried; of an earlier run if it is there."""
    asked = search_arguments(bits, args)
    if (folder / "minimax.json").is_file():
        require_same_search(asked, folder)
    else:
        config = MultilingualCalibrationConfig(
            bits=bits,
            languages=LANGUAGES,
            corpus=calibration,
            num_rows=args.rows,
            sequence_length=args.length,
            seed=args.seeds[0],
            evaluation=EvaluationConfig(corpus=tuning, tokens_per_language=args.tuning_tokens),
            **QUANTIZERS["gptq"],
        )
        found = find_minimax_mixture(model, config, steps=args.steps)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ARGUMENTS).write_text(json.dumps(asked, indent=1) + "\n")
        found.save(folder)
    print(f"# {bits} bits: the search\n\n{(folder / 'minimax.md').read_text()}\n", flush=True)
    found = json.loads((folder / "minimax.json").read_text())
    # Also where the search falls back to uniform shares, so that the table shows what the best mixture it tried does.
    lowest = min(found["steps"], key=lambda step: max(step["damages"]))
    named = {"minimax": found["best"], "worst-alone": lowest}
    if lowest["rows"] == found["best"]["rows"]:
        del named["worst-alone"]
    return {
        name: {tag: rows / sum(step["rows"]) for tag, rows in zip(found["languages"], step["rows"])}
        for name, step in named.items()
    }


def search_arguments(bits, args):
    """All that a search depends on."""
    return {
        "model": str(args.model.resolve()),
        "corpora": str(args.corpora.resolve()),
        "languages": LANGUAGES,
        "quantizer": QUANTIZERS["gptq"],
        "bits": bits,
        "seed": args.seeds[0],
        "rows": args.rows,
        "length": args.length,
        "steps": args.steps,
        "tuning_tokens": args.tuning_tokens,
    }


def require_same_search(asked, folder):
    """Ends the run where the search that is in a folder was another one."""
    path = folder / ARGUMENTS
    made_with = json.loads(path.read_text()) if path.is_file() else {}
    changed = [
        f"{name} {made_with.get(name, 'unknown')}, not {asked[name]}"
        for name in asked
        if made_with.get(name) != asked[name]
    ]
    if changed:
        raise SystemExit(
            f"{folder} holds a search with {'; '.join(changed)}. Give another --output, or remove that folder."
        )


def rows_there(texts, tokenizer, length):
    return sum(len(ids) for ids in tokenizer(texts)["input_ids"]) // length


def table(losses, base):
    """Mean and worst KL of every setting, and their changes against one, with intervals over documents and seeds."""
    start = losses.settings.index(base)
    lines = [f"| mixture | mean KL | worst language | worst against {base} | mean against {base} |", "| :-- " * 5 + "|"]
    for each in sorted(losses.ranking(), key=lambda each: losses.settings.index(each.setting)):
        place, changes = losses.settings.index(each.setting), ["", ""]
        if place != start:
            changes = [change(losses, place, start, pool) for pool in (np.max, np.mean)]
        worst = f"{find_language(each.worst_language).name} {kl(each.worst)}"
        if each.broken and np.isfinite(each.worst.value):
            worst += f", without {', '.join(each.broken)}, which it broke"
        lines.append(f"| {each.setting} | {kl(each.mean)} | {worst} | {' | '.join(changes)} |")
    return "\n".join(lines)


def kl(estimate):
    if not np.isfinite(estimate.value):
        return "broken"
    return f"{estimate.value:.4f} ({estimate.low:.4f} .. {estimate.high:.4f})"


def change(losses, place, start, pool):
    values, drawn = pool(losses.values, axis=-1), pool(losses.draws, axis=-1)
    low, high = percentile_interval(drawn[:, place] / drawn[:, start] - 1, losses.confidence)
    return f"{values[place] / values[start] - 1:+.1%} ({low:+.1%} .. {high:+.1%})"


def texts(corpora, language):
    with gzip.open(corpora / "text" / f"{language}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def untrained(corpora, language):
    return texts(corpora, language)[::EVERY]


def articles(corpora, language, first):
    """Every other article of NTREX, its sentences joined."""
    with tarfile.open(corpora / "parallel" / "ntrex.tar.xz") as archive:
        ids, lines = (
            archive.extractfile(f"ntrex/{name}").read().decode().splitlines()
            for name in ("DOCUMENT_IDS.tsv", f"{language}.txt")
        )
    texts = {}
    for id, line in zip(ids, lines, strict=True):
        texts.setdefault(id, []).append(line)
    return [" ".join(of_it) for of_it in texts.values()][first::2]


def in_float32(model, folder):
    """A copy of a model in float32, of an earlier run if it is there; it appears whole, and says of which model it is."""
    source = str(model.resolve())
    if not folder.is_dir():
        with written_aside(folder, "config.json", bool) as aside:
            AutoModelForCausalLM.from_pretrained(model, dtype="float32").save_pretrained(aside)
            AutoTokenizer.from_pretrained(model).save_pretrained(aside)
            (aside / SOURCE).write_text(source)
    said = (folder / SOURCE).read_text() if (folder / SOURCE).is_file() else "an unknown model"
    if said != source:
        raise SystemExit(
            f"{folder} is a copy of {said}, not of {source}. Give another --output, or remove that folder."
        )
    return folder


if __name__ == "__main__":
    main()
