"""What every engine here keeps: balanced rows reach it, every language is reported, its checkpoint loads without us.

A method whose checkpoints nothing would load refuses to write one.

    pytest tests/test_backends_contract.py --durations 0      # seconds of each engine

An engine comes in by being in `ENGINES`; one whose packages are not installed is skipped, and says so.
"""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends import Capability, all_capabilities, find_backend, load_engines
from optimum_multilingual.calibration import asked_set
from optimum_multilingual.errors import ConfigError, MissingPackageError

LANGUAGES = {"en": "eng_Latn", "sw": "swh_Latn", "zh": "cmn_Hans"}
ROWS = {"mixture": {"en": 2, "sw": 1, "zh": 1}, "num_rows": 8, "sequence_length": 32}
IDS = torch.arange(40)[None] + 300

# Of methods whose own settings would take minutes here.
CHEAP_OPTIONS = {"auto-round": {"iters": 2, "torch_compile": False}}


@dataclass(frozen=True)
class Case:
    """A method by one engine, in its default format or in one that an option asks for."""

    capability: Capability
    written: str | None = None

    @property
    def options(self):
        return {} if self.written is None else {"format": self.written}

    def __str__(self):
        return "-".join([self.capability.method, self.capability.engine, *self.options.values()])


def cases_of(capability):
    formats = [option.allowed.values for option in capability.options if option.name == "format"]
    return [Case(capability), *(Case(capability, written) for values in formats for written in values[1:])]


CASES = [case for capability in all_capabilities() for case in cases_of(capability)]
SAVED = [case for case in CASES if not case.capability.unsaved]
EVERY, EVERY_SAVED, EVERY_UNSAVED = (
    pytest.mark.parametrize("case", cases, ids=str)
    for cases in (CASES, SAVED, [case for case in CASES if case not in SAVED])
)

# Runs without this package: importing it would fail.
LOAD_ELSEWHERE = """
import importlib, json, sys
sys.modules["optimum_multilingual"] = None
import torch
results = {}
for name, (folder, loader) in json.load(open(sys.argv[1])).items():
    module, loader = loader.split(":")
    model = getattr(importlib.import_module(module), loader).from_pretrained(folder)
    ids = torch.arange(40)[None] + 300
    with torch.inference_mode():
        logits = model(input_ids=ids).logits.float()
        text = model.generate(input_ids=ids, max_new_tokens=5, min_new_tokens=5, do_sample=False)
    results[name] = {"logits": logits, "text": text}
torch.save(results, sys.argv[2])
"""


@dataclass
class Made:
    """A model that an engine made, and what was seen of the engine."""

    model: object
    seen: list
    built: list
    logits: torch.Tensor
    folder: object


@pytest.fixture(scope="module")
def random_model(random_llama, tokenizer, tmp_path_factory):
    """A folder with a random Llama that every engine's groups fit."""
    folder = tmp_path_factory.mktemp("random-model")
    sizes = {"vocab_size": len(tokenizer), "hidden_size": 128, "intermediate_size": 256, "max_position_embeddings": 512}
    random_llama(**sizes, initializer_range=0.2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def config_for(case):
    capability = case.capability
    return MultilingualCalibrationConfig(
        capability.method,
        engine=capability.engine,
        method_options={**CHEAP_OPTIONS.get(capability.method, {}), **case.options},
        languages=list(LANGUAGES),
        evaluation=EvaluationConfig(tokens_per_language=300, bootstrap_draws=100),
        **(ROWS if capability.needs_calibration else {}),
    )


@pytest.fixture(scope="module")
def make(random_model, tmp_path_factory):
    """Quantizes by the one line, once for each method and engine, and saves."""
    made = {}

    def once(case):
        if case not in made:
            if reason := why_not_here(case):
                pytest.skip(reason)
            made[case] = quantized(case, random_model, tmp_path_factory.mktemp("checkpoint") / "model")
        return made[case]

    return once


def why_not_here(case):
    """What this machine lacks for a method; None if nothing."""
    try:
        find_backend(config_for(case))
    except MissingPackageError as missing:
        return str(missing)
    if "cpu" not in case.capability.devices and not torch.cuda.is_available():
        return f"{case.capability.name} needs {' or '.join(case.capability.devices)}"
    return None


def quantized(case, source, folder):
    capability = case.capability
    with pytest.MonkeyPatch.context() as patch:
        seen, built = watch(patch, capability)
        dtype = "bfloat16" if "bfloat16" in capability.dtypes else capability.dtypes[0]
        model = AutoModelForCausalLM.from_pretrained(source, quantization_config=config_for(case), dtype=dtype)
    with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
        logits = model(IDS).logits.float()
    if not capability.unsaved:
        model.save_pretrained(folder)
    return Made(model, seen, built, logits, folder)


def watch(patch, capability):
    """Notes the rows that enter the model while the engine works, and the sets that are built."""
    seen, built = [], []

    def see(module, args):
        # Engines that cut a model into parts first run it on tensors without values.
        if args[0].device.type != "meta":
            seen.append(args[0].clone())

    [engine] = [each for each in load_engines() if capability in each.capabilities]
    quantize, build = engine.quantize, asked_set.build_calibration_set

    def quantize_watched(self, model, calibration_set):
        note = model.get_input_embeddings().register_forward_pre_hook(see)
        quantize(self, model, calibration_set)
        note.remove()

    def build_watched(*args):
        built.append(build(*args))
        return built[-1]

    patch.setattr(engine, "quantize", quantize_watched)
    patch.setattr(asked_set, "build_calibration_set", build_watched)
    return seen, built


@EVERY
def test_the_engine_forwards_the_rows_asked_for_and_no_others(make, tokenizer, case):
    made = make(case)
    if not case.capability.needs_calibration:
        assert made.seen == [] and made.built == [] and made.model.calibration_manifest is None
        return
    rows = build_calibration_set(config_for(case), tokenizer)
    assert rows.rows_of_languages() == {"eng_Latn": 4, "swh_Latn": 2, "cmn_Hans": 2}
    asked = torch.from_numpy(rows.token_ids()).long()
    forwarded = torch.cat(made.seen).cpu()
    assert len(forwarded) > 0 and len(forwarded) % len(asked) == 0, "each pass runs all rows"
    assert all(torch.equal(one_pass, asked) for one_pass in forwarded.split(len(asked)))


@EVERY
def test_the_report_has_every_language_and_says_who_quantized(make, case):
    model = make(case).model
    report = model.multilingual_report
    assert [score.language for score in report.scores] == list(LANGUAGES.values())
    assert all(score.kl.mean.value > 0 for score in report.scores), "quantizing changed nothing"
    assert (report.setting["method"], report.setting["engine"]) == (case.capability.method, case.capability.engine)
    assert report.setting["bits"] in case.capability.bits
    assert (report.calibration is not None) == case.capability.needs_calibration


@EVERY_UNSAVED
def test_a_method_that_leaves_no_checkpoint_says_why_and_writes_nothing(make, case):
    made = make(case)
    with pytest.raises(ConfigError) as refusal:
        made.model.save_pretrained(made.folder)
    assert case.capability.name in str(refusal.value) and case.capability.unsaved in str(refusal.value)
    assert list(made.folder.parent.iterdir()) == []


@EVERY_SAVED
def test_the_checkpoint_says_how_it_was_made_and_nothing_local(make, random_model, case):
    made = make(case)
    config = json.loads((made.folder / "config.json").read_text(encoding="utf-8"))
    provenance = config["multilingual_calibration"]
    assert (provenance["method"], provenance["engine"]) == (case.capability.method, case.capability.engine)
    assert case.capability.versions().items() <= provenance["versions"].items()
    assert (made.folder / "calibration_manifest.json").exists() == case.capability.needs_calibration
    assert (made.folder / "multilingual_report.json").exists()
    local = [str(random_model).encode(), str(made.folder).encode()]
    assert [path.name for path in made.folder.iterdir() if any(place in path.read_bytes() for place in local)] == []


@EVERY_SAVED
def test_saving_leaves_the_model_as_it_was(make, case):
    made = make(case)
    with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
        assert torch.equal(made.model(IDS).logits.float(), made.logits)


@pytest.fixture(scope="module")
def elsewhere(make, tmp_path_factory):
    """Logits and text of every checkpoint, loaded by one process that cannot import this package."""
    places, folder = {}, tmp_path_factory.mktemp("elsewhere")
    for case in SAVED:
        if why_not_here(case) is None:
            places[str(case)] = (str(make(case).folder), case.capability.loader)
    (folder / "places.json").write_text(json.dumps(places), encoding="utf-8")
    # Kernels compile on their first call; their eager form gives the same bits.
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TORCHDYNAMO_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LOAD_ELSEWHERE, folder / "places.json", folder / "results.pt"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return torch.load(folder / "results.pt")


@EVERY_SAVED
def test_another_process_without_this_package_loads_the_same_model_and_generates(make, elsewhere, case):
    made = make(case)
    loaded = elsewhere[str(case)]
    difference = (loaded["logits"] - made.logits).norm() / made.logits.norm()
    assert difference <= case.capability.tolerance, f"logits differ by {difference:.2g} of their norm"
    assert loaded["text"].shape == (1, 45)
