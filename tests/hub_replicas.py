"""Small copies of the catalogue's datasets: the same files and columns, three documents in each, words of our own.

Paths and columns are written out here as they were found in public code that reads them, and not made from the catalogue's
patterns: a pattern that does not fit its dataset fails a test.
"""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from hub_server import HubServer

from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language

# Columns besides the text, which a reader should neither need nor fetch.
WEB = {"id": "<urn:uuid:1>", "dump": "CC-MAIN-2013-20", "url": "https://example.org", "language_score": 0.99}
C4 = {"timestamp": "2019-04-25T12:57:54Z", "url": "https://example.org"}

# Entry -> path of a file -> (column of the text, other columns).
LAYOUTS = {
    "fineweb2": {
        "data/swh_Latn/train/000_00000.parquet": ("text", WEB),
        "data/swh_Latn/train/000_00001.parquet": ("text", WEB),
        "data/swh_Latn/test/000_00000.parquet": ("text", WEB),
        "data/swh_Latn_removed/train/000_00000.parquet": ("text", WEB),
        "data/cmn_Hani/train/000_00000.parquet": ("text", WEB),
        "data/und_Hebr/train/000_00000.parquet": ("text", WEB),
        "fineweb2-language-distribution.csv": ("code", {}),
    },
    "fineweb": {"sample/10BT/000_00000.parquet": ("text", WEB), "sample/100BT/000_00000.parquet": ("text", WEB)},
    "fineweb2_hq": {
        "deu_Latn/000_00000.parquet": ("text", WEB),
        "cmn_Hani/000_00000.parquet": ("text", WEB),
    },
    "wikipedia": {
        "20231101.sw/train-00000-of-00001.parquet": ("text", {"id": "1", "url": "u", "title": "t"}),
        "20231101.als/train-00000-of-00001.parquet": ("text", {"id": "1", "url": "u", "title": "t"}),
        "20231101.simple/train-00000-of-00001.parquet": ("text", {"id": "1", "url": "u", "title": "t"}),
        "20231101.zh-min-nan/train-00000-of-00001.parquet": ("text", {"id": "1", "url": "u", "title": "t"}),
    },
    "c4": {
        "multilingual/c4-iw.tfrecord-00000-of-01024.json.gz": ("text", C4),
        "multilingual/c4-iw-validation.tfrecord-00000-of-00001.json.gz": ("text", C4),
        "multilingual/c4-zh.tfrecord-00000-of-01024.json.gz": ("text", C4),
        "multilingual/c4-zh-Latn.tfrecord-00000-of-00008.json.gz": ("text", C4),
    },
    "c4_en": {
        "en/c4-train.00000-of-01024.json.gz": ("text", C4),
        "en/c4-validation.00000-of-00008.json.gz": ("text", C4),
        "en.noclean/c4-train.00000-of-07168.json.gz": ("text", C4),
    },
    "culturax": {
        "sw/sw_part_00000.parquet": ("text", {**C4, "source": "mC4"}),
        "sw/sw_part_00001.parquet": ("text", {**C4, "source": "OSCAR-2301"}),
    },
    "madlad400": {
        "data/sw/sw_clean_0000.jsonl.gz": ("text", {}),
        "data/sw/sw_noisy_0000.jsonl.gz": ("text", {}),
        "data-v1p5/sw/clean_docs_v2-00000-of-00010.jsonl.gz": ("text", {}),
    },
    "glotcc": {
        "v1.0/swh-Latn/swh-Latn_0.parquet": ("content", {"warc-target-uri": "https://example.org"}),
        "v1.0/zho-Hani/zho-Hani_0.parquet": ("content", {"warc-target-uri": "https://example.org"}),
    },
    "flores_plus": {
        "dev/swh_Latn.jsonl": ("text", {"id": 0, "iso_639_3": "swh", "iso_15924": "Latn"}),
        "devtest/swh_Latn.jsonl": ("text", {"id": 0, "iso_639_3": "swh", "iso_15924": "Latn"}),
        "devtest/cat_Latn_vale1252.jsonl": ("text", {"id": 0, "iso_639_3": "cat", "iso_15924": "Latn"}),
    },
    "ntrex": {"data/test-00000-of-00001.parquet": ("swa_Latn", {"eng_Latn": "news", "zho_Hant": "新聞"})},
    "udhr": {
        "udhr-lid.csv": (
            "sentence",
            {"id": "nan", "iso639-3": "nan", "iso15924": "Latn", "language": "Chinese, Min Nan"},
        )
    },
    "tatoeba": {
        "all/train-00000-of-00001.parquet": ("english", {"non_english": "mchanganyiko"}),
        "en-sw/train-00000-of-00001.parquet": ("non_english", {"english": "mixed"}),
    },
    "tatoeba_en": {"all/train-00000-of-00001.parquet": ("english", {"non_english": "mchanganyiko"})},
}


def texts_of(path: str, count: int = 3) -> list[str]:
    """The documents of one file."""
    return [f"text {number} of {path}" for number in range(1, count + 1)]


def write_replica(name: str, folder: Path) -> Path:
    """Writes the files of one entry into a folder."""
    for path, (column, others) in LAYOUTS[name].items():
        write_rows(folder / path, [{**others, column: text} for text in texts_of(path)])
    return folder


def serve_replica(hub: HubServer, name: str, folder: Path, readers: tuple[str, ...] = ()) -> None:
    """Serves the replicas of an entry, and of those it leaves languages to, in their repositories at their commits."""
    for entry in (find_entry(name), *map(find_entry, find_entry(name).elsewhere.values())):
        write_replica(entry.name, folder / entry.repository)
        hub.add("datasets", entry.repository, folder / entry.repository, entry.revision, entry.gated)
        hub.repositories["datasets", entry.repository].readers.update(readers)


def serve_fineweb2(hub: HubServer, folder: Path, revision: str | None = None) -> None:
    """Serves FineWeb-2 in Swahili and English with enough text for a small set: paragraphs of the embedded corpus."""
    train = {f"data/swh_Latn/train/000_0000{n}.parquet": ("sw", range(n * 20, n * 20 + 20)) for n in range(4)}
    serve_paragraphs(hub, "fineweb", folder, {"sample/10BT/000_00000.parquet": ("en", range(80))})
    files = {**train, "data/swh_Latn/test/000_00000.parquet": ("sw", range(80, 96))}
    serve_paragraphs(hub, "fineweb2", folder, files, revision)


def serve_paragraphs(
    hub: HubServer, name: str, folder: Path, files: dict[str, tuple[str, range]], revision: str | None = None
) -> None:
    """Serves a dataset of the catalogue whose files, path -> (language, numbers), hold paragraphs of the embedded corpus."""
    entry, corpus = find_entry(name), EmbeddedCorpus()
    for path, (language, numbers) in files.items():
        texts = [document.text for document in corpus.documents(find_language(language))]
        write_rows(folder / entry.repository / path, [{entry.text_column: texts[number]} for number in numbers])
    hub.add("datasets", entry.repository, folder / entry.repository, revision or entry.revision, entry.gated)


def write_rows(path: Path, rows: list[dict]) -> Path:
    """Writes parquet, csv, txt, jsonl or json, the last two also gzipped, by the ending of the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=100)
    elif path.suffix == ".csv":
        pa.csv.write_csv(pa.Table.from_pylist(rows), path)
    else:
        lines = [row["text"] if ".txt" in path.suffixes else json.dumps(row, ensure_ascii=False) for row in rows]
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
