"""How fast a calibration set is built, against tokenizing the same text and nothing else.

    python benchmarks/build.py FOLDER [--languages en fr ...] [--tokenizer NAME] [--repeats 3] [--json FILE]

FOLDER holds a file of text for each language. Both sides run in one process on the same documents, in turn:

    raw     `tokenizers` batch-encodes all texts, already in memory
    build   the whole way: read, decompress, normalize, leave out copies, shuffle, encode, pack, order

`tokenizers` takes all cores for itself unless told otherwise; RAYON_NUM_THREADS=1 leaves the others to reading and packing.

The set asked for uses up nearly all of the text, so that both sides encode the same. A second part grows the corpus to 100
times its size and shows that memory does not follow.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

from transformers import AutoTokenizer

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.corpora import open_corpus

TINY = Path(__file__).parent.parent / "examples" / "tiny-multilingual-lm"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en", "fr", "ru", "zh", "hi"])
    parser.add_argument("--tokenizer", default=str(TINY))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.tokenizer)

    print("| language | MB | raw MB/s | build MB/s | share |\n| :-- | --: | --: | --: | --: |")
    shares = [throughput(args.folder, language, tokenizer, args.repeats) for language in args.languages]
    print(f"\nmedian share of raw throughput: {statistics.median(shares):.0%}\n")
    memory = [(size, peak_memory(size, tokenizer)) for size in (20, 200, 2000)]
    print("| corpus MB | peak MB after building |\n| --: | --: |")
    for size, peak in memory:
        print(f"| {size} | {peak:.0f} |")
    if args.json is not None:
        args.json.write_text(json.dumps({"shares": dict(zip(args.languages, shares)), "memory": memory}))


def throughput(folder, language, tokenizer, repeats):
    corpus = open_corpus(folder)
    resolved = MultilingualCalibrationConfig(languages=[language]).resolved_languages[0]
    documents = [document for document in corpus.documents(resolved) if document.part == "calibration"]
    texts = [document.text + "\n" for document in documents]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    backend = tokenizer.backend_tokenizer
    tokens = sum(len(encoding.ids) for encoding in backend.encode_batch_fast(texts, add_special_tokens=False))
    rows = int(tokens * 0.97) // 512
    config = MultilingualCalibrationConfig(
        languages=[language], corpus=folder, num_rows=rows, sequence_length=512, cache=False
    )
    raw, built = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        backend.encode_batch_fast(texts, add_special_tokens=False)
        raw.append(time.perf_counter() - started)
        started = time.perf_counter()
        build_calibration_set(config, tokenizer)
        built.append(time.perf_counter() - started)
    speeds = megabytes / statistics.median(raw), megabytes / statistics.median(built)
    print(
        f"| {language} | {megabytes:.1f} | {speeds[0]:.2f} | {speeds[1]:.2f} | {speeds[1] / speeds[0]:.0%} |",
        flush=True,
    )
    return speeds[1] / speeds[0]


def peak_memory(megabytes, tokenizer):
    """The peak of this process so far, in MB, after building one set from a corpus of this size."""
    with tempfile.TemporaryDirectory() as folder:
        line = "word {} " * 120
        with (Path(folder) / "en.txt").open("w") as file:
            written = number = 0
            while written < megabytes * 1e6:
                written += file.write(line.format(*range(number, number + 120)) + "\n")
                number += 120
        config = MultilingualCalibrationConfig(
            languages=["en"], corpus=folder, num_rows=64, sequence_length=512, cache=False
        )
        build_calibration_set(config, tokenizer)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
