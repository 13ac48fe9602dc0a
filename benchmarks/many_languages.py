"""What a calibration set of a hundred languages costs, with a tokenizer as large as those on the Hub, and what dominates.

    python benchmarks/many_languages.py FOLDER [--languages 100] [--rows 16] [--vocabulary 128000] [--repeats 3]

FOLDER holds a file of text for each language, such as the 128 references of NTREX. A byte-level BPE tokenizer is trained on it
first, which is not part of the measure.
"""

import argparse
import cProfile
import pstats
import resource
import statistics
import time
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.calibration.source import TextSource
from optimum_multilingual.corpora import open_corpus


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", type=int, default=100)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--vocabulary", type=int, default=128_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    corpus = open_corpus(args.folder)
    languages = corpus.languages()[: args.languages]
    started = time.perf_counter()
    tokenizer = train(corpus, languages, args.vocabulary)
    print(f"trained a tokenizer of {len(tokenizer):,} tokens in {time.perf_counter() - started:.0f} s\n")
    config = MultilingualCalibrationConfig(
        languages=languages, corpus=corpus, num_rows=args.rows * len(languages), sequence_length=512, cache=False
    )
    report(config, tokenizer, args.repeats)


def train(corpus, languages, vocabulary):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = (document.text for language in languages for document in corpus.documents(language))
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def report(config, tokenizer, repeats):
    built, raw = [], []
    backend = tokenizer.backend_tokenizer
    texts = texts_in(config, tokenizer)
    for _ in range(repeats):
        started = time.perf_counter()
        calibration_set = build_calibration_set(config, tokenizer)
        built.append(time.perf_counter() - started)
        started = time.perf_counter()
        for of_language in texts:
            backend.encode_batch_fast(of_language, add_special_tokens=False)
        raw.append(time.perf_counter() - started)
    rows = calibration_set.rows_of_languages()
    print(f"{len(rows)} languages, {len(calibration_set)} rows of 512, at least {min(rows.values())} rows each")
    print(
        f"built in {statistics.median(built):.2f} s (median of {repeats}), {1000 * min(built) / len(rows):.1f} ms a language"
    )
    print(f"`tokenizers` alone on the {sum(map(len, texts)):,} documents it used: {statistics.median(raw):.2f} s")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB\n")
    profile = cProfile.Profile()
    profile.runcall(build_calibration_set, config, tokenizer)
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(14)


def texts_in(config, tokenizer):
    """The texts of the documents in the set, language by language."""
    used = build_calibration_set(config, tokenizer).manifest.documents
    encoder = TextEncoder(tokenizer, config.document_separator)
    source = TextSource(config.corpus, "calibration", config.seed, encoder, True)
    return [
        [document.text for document in source.corpus.documents(language) if document.digest in used[language.tag]]
        for language in config.resolved_languages
    ]


if __name__ == "__main__":
    main()
