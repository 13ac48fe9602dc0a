"""What cannot work is refused by the one line, before the weights load where it can be."""

import shutil
from dataclasses import replace

import pytest
import torch
from one_line import LANGUAGES, SMALL, quantize
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2VLConfig,
    T5Config,
    T5ForConditionalGeneration,
)

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    build_calibration_set,
    evaluate_checkpoints,
)
from optimum_multilingual.backends.gptq import GPTQBackend
from optimum_multilingual.comparison import load_checkpoint
from optimum_multilingual.errors import (
    CalibrationSetError,
    ConfigError,
    CorpusError,
    MissingPackageError,
    ModelError,
    TokenizerError,
)
from optimum_multilingual.model_checks import require_causal_lm_config


def test_a_set_of_other_languages_is_refused_before_the_weights_load(unloadable, tokenizer):
    rows = build_calibration_set(MultilingualCalibrationConfig(languages=["en", "yo"], **SMALL), tokenizer)
    with pytest.raises(CalibrationSetError, match=r"languages are cmn_Hans.*of the calibration set eng_Latn, yor_Latn"):
        quantize(unloadable, num_rows=None, sequence_length=None, calibration_set=rows)


def test_a_set_of_another_tokenizer_is_refused_before_the_weights_load(unloadable, word_tokenizer):
    text = "maji ya mto yalijaa"
    corpus = {"sw": [f"{text} {number}" for number in range(400)]}
    rows = build_calibration_set(
        MultilingualCalibrationConfig(languages=["sw"], corpus=corpus, deduplicate=False, **SMALL), word_tokenizer(text)
    )
    with pytest.raises(CalibrationSetError, match="built with another tokenizer"):
        quantize(unloadable, languages=(), num_rows=None, sequence_length=None, calibration_set=rows)


def test_weights_on_disk_are_refused_before_they_load(unloadable, tmp_path):
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **SMALL)
    places = {"model.embed_tokens": "cpu", "model.layers": "disk", "model.norm": "cpu", "lm_head": "cpu"}
    with pytest.raises(ModelError, match=r"leaves 1 modules on disk \(model.layers\)"):
        AutoModelForCausalLM.from_pretrained(unloadable, quantization_config=config, device_map=places)


class Unloadable:
    """Stands where the weights are: reading them fails, so an error that came before was in time."""

    def __init__(self, folder, source):
        folder.mkdir()
        for path in source.iterdir():
            if path.is_file() and path.suffix == ".json":
                (folder / path.name).write_bytes(path.read_bytes())
        (folder / "model.safetensors").write_bytes(b"not weights")
        self.folder = folder


@pytest.fixture
def unloadable(tmp_path, tiny_model_path):
    return Unloadable(tmp_path / "model", tiny_model_path).folder


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"bits": 7}, ConfigError, ["bits=7"]),
        ({"group_size": 128}, ModelError, ["group_size=128", "64"]),
        ({"sequence_length": 4096}, ConfigError, ["4096", "2048"]),
        ({"languages": ["en", "he"]}, CorpusError, ["Hebrew", "heb_Hebr", "eng_Latn", "corpus="]),
        ({"num_rows": 90_000}, CorpusError, ["English", "found", "needed"]),
        ({"tokenizer": "no/such/tokenizer"}, TokenizerError, ["no/such/tokenizer", "tokenizer="]),
        (
            {"calibration_set": "no/such/folder", "num_rows": None, "sequence_length": None},
            CalibrationSetError,
            ["no/such/folder"],
        ),
        ({"corpus": "no/such/folder"}, CorpusError, ["no/such/folder"]),
        ({"mixture": "minimax", "num_rows": 900}, CorpusError, ["English", "found", "needed"]),
        (
            {"mixture": "minimax", "evaluation": EvaluationConfig(tokens_per_language=100_000)},
            CorpusError,
            ["0 documents found beside the", "8 needed", "--evaluation-tokens"],
        ),
        ({"mixture": "minimax", "method": "nf4"}, ConfigError, ["needs no calibration", "mixture"]),
        (
            {"mixture": "minimax", "device_map": {"model": "cpu", "lm_head": 0}},
            ModelError,
            ["mixture='minimax'", "copies", "one device"],
        ),
    ],
)
def test_what_cannot_work_is_said_before_the_weights_load(unloadable, settings, error, words):
    with pytest.raises(error) as refusal:
        quantize(unloadable, **settings)
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_a_missing_tokenizer_is_said_before_the_weights_load(unloadable):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (unloadable / name).unlink()
    with pytest.raises(TokenizerError, match=r"No tokenizer could be loaded.*pass tokenizer="):
        quantize(unloadable)


def test_weights_that_cannot_be_loaded_are_upstreams_error(unloadable):
    with pytest.raises(Exception, match=r"(?i)header|safetensors"):
        quantize(unloadable)


@pytest.mark.parametrize("loader", [AutoModelForSeq2SeqLM, AutoModel])
def test_a_model_that_is_no_causal_lm_is_refused(tmp_path, loader):
    sizes = {"d_model": 64, "d_kv": 32, "d_ff": 64, "num_layers": 1, "num_heads": 2, "vocab_size": 128}
    T5ForConditionalGeneration(T5Config(**sizes)).save_pretrained(tmp_path)
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **SMALL)
    with pytest.raises(ModelError, match="not set up as a causal language model"):
        loader.from_pretrained(tmp_path, quantization_config=config)


def test_a_missing_package_is_said_before_the_weights_load_with_the_pip_line(unloadable, monkeypatch):
    without = replace(GPTQBackend.capabilities[0], packages=("no-such-package>=1",))
    monkeypatch.setattr(GPTQBackend, "capabilities", (without,))
    with pytest.raises(MissingPackageError, match=r'no-such-package>=1.*pip install "optimum-multilingual\[gptq\]"'):
        quantize(unloadable)


def test_a_model_that_also_reads_images_is_refused_with_the_reason():
    from transformers import Gemma3Config

    from optimum_multilingual.model_checks import require_causal_lm_config, require_text_only

    config = Gemma3Config(
        text_config={"hidden_size": 64, "num_hidden_layers": 1, "vocab_size": 128, "intermediate_size": 64},
        vision_config={"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2},
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(ModelError, match=r"Gemma3ForConditionalGeneration is more than .*vision_config"):
        require_text_only(model)
    with pytest.raises(ModelError, match="qwen2_vl model, which AutoModelForCausalLM does not load"):
        require_causal_lm_config(Qwen2VLConfig(), "qwen")


def test_a_checkpoint_that_lacks_weights_is_refused_before_anything_is_measured(random_model_path, tmp_path):
    shutil.copytree(random_model_path, tmp_path / "holes")
    weights = load_file(tmp_path / "holes" / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, tmp_path / "holes" / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"holes lacks 3 weights .*layers.1.mlp.down_proj.weight.*Repair"):
        quantize(tmp_path / "holes")


def test_what_quanto_saved_is_said_to_need_its_own_loader(random_model_path, tmp_path):
    quantize(random_model_path, "quanto", bits=8, evaluation=None, num_rows=None, sequence_length=None).save_pretrained(
        tmp_path / "quanto"
    )
    for path in random_model_path.glob("tokenizer*"):
        shutil.copy(path, tmp_path / "quanto")
    with pytest.raises(ModelError, match=r"lacks .* weights.*QuantizedModelForCausalLM"):
        evaluate_checkpoints(random_model_path, tmp_path / "quanto", ["en"], evaluation=SMALL["evaluation"])


def test_settings_of_generation_that_cannot_be_saved_are_told_before_the_work(random_model_path, tmp_path, caplog):
    shutil.copytree(random_model_path, tmp_path / "sloppy")
    (tmp_path / "sloppy" / "generation_config.json").write_text('{"temperature": 0.9, "top_p": 0.6}')
    model = quantize(tmp_path / "sloppy", evaluation=None)
    assert "Transformers will not save" in caplog.text and "temperature" in caplog.text
    with pytest.raises(ValueError, match="GenerationConfig is invalid"):
        model.save_pretrained(tmp_path / "out")
    model.generation_config.do_sample = True
    model.save_pretrained(tmp_path / "out")


def test_a_family_that_was_registered_is_taken_for_a_causal_language_model():
    class MyConfig(LlamaConfig):
        model_type = "my-family"

    class MyModel(LlamaForCausalLM):
        config_class = MyConfig

    with pytest.raises(ModelError, match="does not load"):
        require_causal_lm_config(MyConfig(), "mine")
    AutoModelForCausalLM.register(MyConfig, MyModel)
    require_causal_lm_config(MyConfig(), "mine")


def test_one_process_leaves_the_device_to_transformers(random_model_path):
    assert not hasattr(load_checkpoint(random_model_path, None), "hf_device_map")
