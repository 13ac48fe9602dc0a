"""Nothing secret and nothing local is in any file on disk or in any byte that leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_replicas import write_rows

from optimum_multilingual import push_to_hub
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.errors import CheckpointError
from optimum_multilingual.hub.private_values import require_nothing_private
from optimum_multilingual.languages import find_language

TOKEN, STORED = "hf_" + "planted" * 5, "hf_" + "stored0" * 5

# Quantizes with text in private places, saves, and publishes, in the home of somebody else.
PUBLISH = """
import sys
from transformers import AutoModelForCausalLM
from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, push_to_hub
model, corpus, held_out, out = sys.argv[1:5]
config = MultilingualCalibrationConfig(
    "gptq", languages=["en", "sw"], corpus=corpus, num_rows=4, sequence_length=32, tokenizer=model,
    evaluation=EvaluationConfig(corpus={"en": held_out + "/en.jsonl", "sw": held_out + "/sw.jsonl"}, tokens_per_language=300,
                                bootstrap_draws=100),
)
model = AutoModelForCausalLM.from_pretrained(model, quantization_config=config)
model.save_pretrained(out)
print(push_to_hub(model, "me/model"))
print(push_to_hub(model, "me/other", revision="v2", create_pr=False))
print(push_to_hub(out, "me/model", licence="mit"))
model.push_to_hub("me/plain")
"""


@pytest.fixture
def home(tmp_path, tiny_model_path):
    """A home directory with a model, a folder of text, a private dataset, and a token that was stored by `hf auth login`."""
    home = tmp_path / "home-of-jane-doe"
    for folder, numbers in (("secret-project/corpus", range(40)), ("private-dataset/customers", range(60, 90))):
        for language in ("en", "sw"):
            texts = [document.text for document in EmbeddedCorpus().documents(find_language(language))]
            write_rows(home / folder / f"{language}.jsonl", [{"text": texts[number]} for number in numbers])
    (home / "models-of-jane").mkdir()
    for path in tiny_model_path.iterdir():
        if path.is_file():
            (home / "models-of-jane" / path.name).symlink_to(path)
    (home / "cache").mkdir()
    (home / "cache" / "token").write_text(STORED)
    return home


@pytest.mark.parametrize("token", [TOKEN, None], ids=["in the environment", "stored"])
def test_nothing_planted_leaves(hub, home, tmp_path, token):
    hub.accounts[token or STORED] = {"me"}
    environment = {
        **os.environ,
        "HOME": str(home),
        "HF_HOME": str(home / "cache"),
        **({"HF_TOKEN": token} if token else {}),
    }
    places = [
        home / "models-of-jane",
        home / "secret-project" / "corpus",
        home / "private-dataset" / "customers",
        tmp_path / "out",
    ]
    done = subprocess.run([sys.executable, "-c", PUBLISH, *places], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(hub.commits) == 4 and hub.tokens == {token or STORED}

    left = {f"body of {request}": body for request, body in hub.bodies}
    for commit in hub.commits:
        left |= {f"{path} in {commit.repository}": content for path, content in commit.files.items()}
    left |= {f"{path.name} on disk": path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"config.json in me/plain", "README.md in me/model", "calibration_manifest.json on disk"} <= left.keys()
    planted = [TOKEN, STORED, "jane", "secret-project", "private-dataset", "customers", str(tmp_path)]
    found = [(place, word) for place, content in left.items() for word in planted if word.encode() in content]
    # The name of the model's own folder is all that is told of where it lay.
    assert {word for _, word in found} <= {"jane"}
    assert all(content.count(b"jane") == content.count(b"models-of-jane") for content in left.values())
    said = done.stdout + done.stderr
    assert TOKEN not in said and STORED not in said


def test_a_place_of_this_machine_is_refused_by_its_key(me, out):
    config = json.loads((out / "config.json").read_text("utf-8"))
    (out / "config.json").unlink()
    (out / "config.json").write_text(json.dumps({**config, "quantization_config": {"tokenizer": str(out)}}))
    with pytest.raises(CheckpointError, match=r"config\.json names a place on this machine under 'tokenizer'"):
        push_to_hub(out, "me/model")
    assert not me.repositories


@pytest.mark.parametrize(
    "name", ["README.md", "tokenizer.json", "recipe.yaml", "LICENSE", "train.py", "vocab.tiktoken"]
)
def test_a_token_is_refused_in_any_text_and_not_repeated(name):
    for token, content in ((TOKEN, f'{{"a": "{TOKEN}"}}'), ("own-token-of-a-server", 'x: "own-token-of-a-server"')):
        with pytest.raises(CheckpointError, match=f"{name} holds an access token, and nothing was sent") as caught:
            require_nothing_private(name, content.encode(), token)
        assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("README.md", "cached in ~HOME~/.cache/x", True),
        ("README.md", "starts with #!/usr/bin/env python, see /resolve/main", False),
        ("config.json", '{"a": ["file://~HOME~/x"]}', True),
        ("config.json", '{"a": "/usr/bin"}', True),
        ("config.json", '{"a": "/no/such/place"}', False),
        ("tokenizer.json", '{"model": {"vocab": {"~HOME~/": 7}}}', False),
        ("config.json", '{"a": "/' + "a" * 1000 + '/b"}', False),
        ("config.json", '{"a": {"~HOME~/x": 1}}', True),
        ("config.json", '{"a": "python train.py --model=~HOME~/x"}', True),
        ("config.json", '{"a": "~HOME~house"}', False),
        ("README.md", "--model=~HOME~/x", True),
        ("README.md", "[~HOME~/y]", True),
        ("README.md", "path:~HOME~", True),
        ("train.sh", "cc -I~HOME~/include", True),
        ("LICENSE", "by ~HOME~.", True),
        ("notes", "\udcff ~HOME~/x", True),
        ("tokenizer.model", "~HOME~/", False),
        ("model.safetensors", "~HOME~/x", False),
    ],
)
def test_what_is_local_and_what_is_not(name, content, refused):
    data = content.replace("~HOME~", str(Path.home())).encode(errors="surrogateescape")
    if refused:
        with pytest.raises(CheckpointError, match="names a place on this machine"):
            require_nothing_private(name, data, None)
    else:
        require_nothing_private(name, data, None)


def test_a_user_without_a_home_of_their_own_may_write_of_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    require_nothing_private("README.md", b"see https://huggingface.co/docs and /usr/bin", None)
