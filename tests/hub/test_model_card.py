"""The card is valid by the Hub's own check, says what was measured, and how to make the model again."""

import json
import re
import shlex
from dataclasses import replace

import httpx
import pytest
from huggingface_hub import ModelCard, set_client_factory
from huggingface_hub.utils import close_session
from written_reports import broken, report_of, score

from optimum_multilingual.calibration.calibration_set import Manifest
from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.hub.card_metadata import hub_code
from optimum_multilingual.hub.card_text import card_content
from optimum_multilingual.hub.checkpoint_folder import CheckpointFolder
from optimum_multilingual.hub.licence import Licence, inherited_licence
from optimum_multilingual.hub.loading import read_by_vllm
from optimum_multilingual.hub.model_card import CardFacts, Given
from optimum_multilingual.languages import find_language

GIVEN = Given("me/model", "me/base", "a" * 40, True, Licence("apache-2.0", source="the card of me/base"))


@pytest.fixture
def checkpoint(saved):
    return CheckpointFolder.read(saved)


def content_of(checkpoint, given=GIVEN, **changes):
    return card_content(CardFacts.of(replace(checkpoint, **changes), given))


@pytest.fixture
def hub_in_its_place(hub):
    """Sends what the client asks of huggingface.co, whose address it has fixed for this, to the Hub of the tests."""

    class Elsewhere(httpx.HTTPTransport):
        def handle_request(self, request):
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=int(hub.url.rpartition(":")[2]))
            return super().handle_request(request)

    set_client_factory(lambda: httpx.Client(transport=Elsewhere()))
    yield hub
    set_client_factory(httpx.Client)
    close_session()


def test_it_is_valid_and_the_check_can_fail(hub_in_its_place, checkpoint):
    card = ModelCard(content_of(checkpoint))
    card.validate()
    card.data.language = "klingonese"
    with pytest.raises(ValueError, match="ISO 639"):
        card.validate()
    assert hub_in_its_place.requests == ["POST /api/validate-yaml"] * 2


def test_it_reads_back_as_it_was_written(checkpoint, tmp_path):
    content = content_of(checkpoint)
    (tmp_path / "README.md").write_text(content, encoding="utf-8")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.content == content
    data = card.data
    assert (data.language, data.license, data.base_model) == (["en", "sw", "zh"], "apache-2.0", "me/base")
    assert (data.base_model_relation, data.library_name, data.pipeline_tag) == (
        "quantized",
        "transformers",
        "text-generation",
    )
    assert {"multilingual", "quantized", "gptq", "4-bit"} <= set(data.tags)
    values = {(each.dataset_config, each.metric_type): each.metric_value for each in data.eval_results}
    assert len(values) == 3 * 4
    for each in checkpoint.report.scores:
        assert values[each.language, "perplexity"] == pytest.approx(each.quantized.perplexity, abs=1e-6)
        assert values[each.language, "bits_per_byte_change"] == pytest.approx(
            100 * each.relative_change.value, abs=1e-6
        )


def test_its_table_is_that_of_the_report_with_the_worst_language_first(checkpoint):
    content = content_of(checkpoint)
    for line in str(checkpoint.report).splitlines():
        assert not line.startswith("|") or line in content
    named = re.findall(r"^\| (English|Swahili|Chinese) ", content, re.MULTILINE)[:3]
    assert named == [each.name for each in checkpoint.report.worst_first]


def test_its_command_makes_the_same_set_again(checkpoint, saved, tiny_model_path, tmp_path, cli):
    given = replace(GIVEN, base_model=str(tiny_model_path), base_revision=None, base_is_public=False)
    [command] = re.findall(
        r"```bash\n(optimum-cli multilingual quantize .*?)\n```", content_of(checkpoint, given), re.DOTALL
    )
    words = shlex.split(command.replace("\\\n", " "))[2:]
    code, _, err = cli(*[str(tmp_path / "again") if word == "out/" else word for word in words])
    assert code == 0, err
    again = Manifest.load(tmp_path / "again" / "calibration_manifest.json")
    assert again.fingerprint == checkpoint.manifest.fingerprint
    for name in ("model.safetensors", "multilingual_report.json"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_its_python_is_the_same_configuration(checkpoint):
    [code] = re.findall(
        r"```python\n(from transformers import AutoModelForCausalLM\n.*?)\n```", content_of(checkpoint), re.DOTALL
    )
    seen = {}

    class Loader:
        @staticmethod
        def from_pretrained(name, **keywords):
            seen.update(keywords, name=name)

    exec(code.replace("from transformers import AutoModelForCausalLM", ""), {"AutoModelForCausalLM": Loader})
    config = seen["quantization_config"]
    assert (seen["name"], seen["revision"]) == ("me/base", "a" * 40)
    assert (config.method, config.bits, config.num_rows, config.sequence_length) == ("gptq", 4, 6, 32)
    assert [find_language(name).tag for name in config.languages] == list(checkpoint.manifest.languages)
    assert config.evaluation.tokens_per_language == 500 and config.evaluation.bootstrap_draws == 100


def test_a_model_of_the_hub_is_fetched_at_its_commit(checkpoint):
    assert f"hf download me/base --revision {'a' * 40} --local-dir base/\n" in content_of(checkpoint)


def test_unequal_shares_are_weights_and_an_upstream_config_is_python_alone(checkpoint):
    languages = {
        tag: {**entry, "rows": rows} for rows, (tag, entry) in enumerate(checkpoint.manifest.languages.items(), 1)
    }
    uneven = replace(checkpoint.manifest, languages=languages, seed=7, document_separator="eos", deduplicated=False)
    content = content_of(checkpoint, manifest=uneven)
    words = " ".join(content.replace("\\\n", " ").split())
    assert (
        "--num-rows 6 --weights en=1 sw=2 zh=3 --sequence-length 32 --seed 7 --document-separator eos --keep-duplicates"
        in words
    )
    config = json.loads(json.dumps(checkpoint.config))
    config["multilingual_calibration"]["upstream_config"] = "GPTQConfig"
    content = content_of(checkpoint, config=config)
    assert "optimum-cli multilingual quantize" not in content
    assert "GPTQConfig.from_dict(AutoConfig.from_pretrained('me/model').quantization_config)" in content


def test_corpora_come_with_commit_and_licence(checkpoint):
    entry = find_entry("fineweb2")
    corpus = {
        "kind": "hub",
        "name": "fineweb2",
        "repository": entry.repository,
        "revision": "b" * 40,
        "licence": entry.licence,
    }
    content = content_of(checkpoint, manifest=replace(checkpoint.manifest, corpus=corpus))
    assert (
        f"(https://huggingface.co/datasets/{entry.repository}) (commit `{'b' * 40}`, licence {entry.licence})"
        in content
    )
    assert ModelCard(content).data.datasets == [entry.repository]
    own = {**corpus, "name": "me/secret-texts", "repository": "me/secret-texts", "files": "{code}/*"}
    content = content_of(checkpoint, manifest=replace(checkpoint.manifest, corpus=own))
    assert ModelCard(content).data.datasets is None
    assert "HubCorpus.from_repository('me/secret-texts', '{code}/*'" in content


def test_text_of_ones_own_is_a_folder_to_bring(checkpoint):
    manifest = replace(checkpoint.manifest, corpus={"kind": "files", "files": {"eng_Latn": "en.txt"}})
    content = content_of(checkpoint, manifest=manifest)
    assert (
        "`my_texts/` stands for a folder of text that is not published" in content and "--corpus my_texts/" in content
    )


def test_what_is_broken_or_damaged_is_said_first(checkpoint):
    report = report_of(score("eng_Latn", 0.03), broken("swh_Latn"))
    content = content_of(checkpoint, report=report)
    assert "**It is broken in Swahili.**" in content and "Do not use it in Swahili" in content
    assert "It is worse than the base model in English (+3.00%)." in content
    values = {
        (each.dataset_config, each.metric_type): each.metric_value for each in ModelCard(content).data.eval_results
    }
    assert values["swh_Latn", "perplexity"] == "broken"


def test_nothing_measured_is_said(checkpoint):
    content = content_of(checkpoint, report=None, manifest=None)
    assert "Nothing was measured" in content and "There is none: the method rounds weights as they are." in content
    assert "model-index" not in content and "model_name" not in content and "--no-evaluation" in content


def test_a_checkpoint_of_others_says_so(checkpoint):
    config = {key: value for key, value in checkpoint.config.items() if key != "multilingual_calibration"}
    assert "was not quantized by optimum-multilingual" in content_of(
        checkpoint, config=config, report=None, manifest=None
    )


def test_an_unknown_licence_is_left_out_and_said(checkpoint):
    content = content_of(checkpoint, replace(GIVEN, licence=None, no_licence="the card of me/base names none"))
    assert "license" not in ModelCard(content).data.to_dict()
    assert "licence: not known: the card of me/base names none" in content


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("license: apache-2.0", Licence("apache-2.0", None, None, "the card of me/base")),
        (
            "license: other\nlicense_name: mine\nlicense_link: LICENSE",
            Licence("other", "mine", "https://huggingface.co/me/base/blob/main/LICENSE", "the card of me/base"),
        ),
        ("license: unknown", "the card of me/base names none"),
        ("language: en", "the card of me/base names none"),
        ("license: [a", "the card of me/base has front matter that cannot be read"),
        (None, "the card of me/base could not be had from the Hub"),
    ],
)
def test_the_licence_is_that_of_the_base_model(hub, tmp_path, card, expected):
    (tmp_path / "base").mkdir()
    if card is not None:
        (tmp_path / "base" / "README.md").write_text(f"---\n{card}\n---\n")
    hub.add("models", "me/base", tmp_path / "base", commit=f"{abs(hash(card)):040x}"[-40:])
    licence, reason = inherited_licence("me/base", None)
    if isinstance(expected, Licence):
        assert (licence, reason) == (expected, "")
    else:
        assert licence is None and reason.startswith(expected)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("sw", "sw"),
        ("zh-Hant", "zh"),
        ("arz", "arz"),
        ("sr-Latn", "sr"),
        ("nb", "no"),
        ("code", "code"),
        ("math", None),
    ],
)
def test_languages_are_codes_of_the_hub(name, code):
    assert hub_code(find_language(name)) == code


def test_vllm_is_named_only_for_formats_it_reads(checkpoint):
    assert "vllm serve me/model" in content_of(checkpoint)
    others = [{"quant_method": "quanto"}, {"quant_method": "gptq", "bits": 5}, {"quant_method": "torchao"}, {}]
    assert not any(map(read_by_vllm, others))
    content = content_of(checkpoint, config={**checkpoint.config, "quantization_config": {"quant_method": "quanto"}})
    assert "vllm serve" not in content and "vLLM is not known to read this format." in content


def test_bits_and_results_of_an_earlier_push_are_replaced_and_those_of_others_kept(checkpoint):
    facts = CardFacts.of(checkpoint, GIVEN)
    card = ModelCard(card_content(facts).replace("- 4-bit", "- 8-bit\n- mine"))
    theirs = replace(
        card.data.eval_results[0],
        source_name="somebody",
        source_url="https://a.org",
        metric_value=1.0,
        dataset_split="test",
    )
    card.data.eval_results.append(theirs)
    data = ModelCard(card_content(facts, str(card).encode())).data
    assert "8-bit" not in data.tags and {"4-bit", "mine"} <= set(data.tags)
    assert len(data.eval_results) == 3 * 4 + 1 and theirs.metric_value in [
        each.metric_value for each in data.eval_results
    ]
