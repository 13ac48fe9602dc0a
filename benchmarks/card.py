"""How long the card and the results of a published model take, for many languages, without plots and without the network.

    python benchmarks/card.py [--languages 100] [--repeats 5]

The report is made of random token scores for the first languages of FLORES, and the calibration set has as many. The corpus is
one of the Hub, so that results are written too. Printed are the median and the slowest of the repeats, the first of which loads
the template, and the seconds of the processor, which other programs do not change.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from optimum_multilingual import EvaluationConfig, MultilingualReport, find_language
from optimum_multilingual.calibration.calibration_set import MANIFEST_FILE, Manifest, write_json
from optimum_multilingual.evaluation.evaluator import Evaluation, Measurement
from optimum_multilingual.flores import flores_tiers
from optimum_multilingual.hub.card_text import card_content
from optimum_multilingual.hub.checkpoint_folder import CheckpointFolder
from optimum_multilingual.hub.eval_results import eval_result_files
from optimum_multilingual.hub.licence import Licence
from optimum_multilingual.hub.model_card import CardFacts, Given
from optimum_multilingual.report.measures import make_report

CORPUS = {
    "kind": "hub",
    "name": "fineweb2",
    "repository": "HuggingFaceFW/fineweb-2",
    "revision": "0" * 40,
    "licence": "ODC-By 1.0",
}
GIVEN = Given("me/model", "me/base", "0" * 40, True, Licence("apache-2.0", source="the card of me/base"))
CONFIG = {
    "quantization_config": {"quant_method": "gptq", "bits": 4},
    "multilingual_calibration": {"method": "gptq", "engine": "optimum"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), sorted(flores_tiers())[: args.languages])
        seconds, of_processor = [], []
        for _ in range(args.repeats):
            started, used = time.perf_counter(), time.process_time()
            checkpoint = CheckpointFolder.read(folder)
            card = card_content(CardFacts.of(checkpoint, GIVEN))
            results = eval_result_files(checkpoint.report, GIVEN.repo_id)
            seconds.append(time.perf_counter() - started)
            of_processor.append(time.process_time() - used)
    sizes = f"card of {len(card.encode()):,} bytes, results of {sum(map(len, results.values())):,}"
    print(f"{len(checkpoint.report.scores)} languages: {sizes}")
    print(f"report read, card and results made in {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s")
    print(f"of the processor {statistics.median(of_processor):.2f} s, most {max(of_processor):.2f} s")


def write_checkpoint(folder, tags):
    measured = {find_language(tag): measurement(number) for number, tag in enumerate(tags)}
    evaluation = Evaluation({}, {}, EvaluationConfig(bootstrap_draws=100, sequence_length=512), CORPUS)
    report: MultilingualReport = make_report(
        measured, evaluation, {"model": "me/base", "method": "gptq", "bits": 4}, None
    )
    report.save(folder)
    write_json(folder / MANIFEST_FILE, manifest_of(tags).to_dict())
    (folder / "config.json").write_text(json.dumps(CONFIG))


def manifest_of(tags):
    shares = {tag: {"rows": 4, "tokens": 2048, "weight": 1.0, "documents": 9, "duplicates": 0} for tag in tags}
    return Manifest(
        fingerprint="0" * 64,
        languages=shares,
        sequence_length=512,
        seed=0,
        mixture={"kind": "uniform", "temperature": 1.0},
        document_separator="newline",
        messages=False,
        prefix=[0],
        part="calibration",
        deduplicated=True,
        corpus=CORPUS,
        tokenizer={},
        versions={},
        row_hashes=[],
        documents={},
    )


def measurement(number, documents=30, tokens=20):
    generator = np.random.default_rng(number)
    reference = generator.gamma(2.0, size=documents * tokens)
    kl = generator.lognormal(-4, 1, size=documents * tokens)
    return Measurement(
        document=np.repeat(np.arange(documents), tokens),
        reference_nll=reference,
        quantized_nll=reference + generator.normal(0.02, 0.02, documents * tokens),
        kl=kl,
        reverse_kl=kl,
        agree=generator.random(documents * tokens) < 0.9,
        overlap=generator.random(documents * tokens),
        documents=tuple(map(str, range(documents))),
        num_bytes=np.full(documents, 4 * tokens),
        num_characters=np.full(documents, 3 * tokens),
    )


if __name__ == "__main__":
    main()
