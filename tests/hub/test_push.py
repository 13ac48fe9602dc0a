"""A push sends exactly these files in one commit, keeps what others wrote, and what it sent loads without this package."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from one_line import logits_of
from transformers import AutoModelForCausalLM, AutoTokenizer

from optimum_multilingual import push_to_hub
from optimum_multilingual.errors import CheckpointError, ModelError
from optimum_multilingual.hub import push as push_module

SENT = [
    "README.md",
    "calibration_manifest.json",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "multilingual_report.json",
    "plots/damage.png",
    "plots/divergence.png",
    "tokenizer.json",
    "tokenizer_config.json",
]

# Runs without this package: importing it would fail.
LOAD = """
import sys
sys.modules["optimum_multilingual"] = None
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("me/model")
ids = AutoTokenizer.from_pretrained("me/model")("habari ya leo", return_tensors="pt").input_ids
with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
    torch.save(model(torch.arange(40)[None] + 300).logits, sys.argv[1])
print(model.generate(ids, max_new_tokens=3, do_sample=False).shape[1] - ids.shape[1])
"""


def test_a_folder_is_sent_file_by_file_in_one_commit(me, out):
    push = push_to_hub(out, "me/model", commit_message="Four bits")
    [commit] = me.commits
    assert sorted(commit.files) == SENT == sorted(push.sizes)
    assert (commit.branch, commit.summary, commit.deleted) == ("main", "Four bits", [])
    assert push.commit_url == f"{me.url}/me/model/commit/{commit.oid}" and push.pull_request_url is None
    for path in out.iterdir():
        assert commit.files[path.name] == path.read_bytes()
    assert {name: len(content) for name, content in commit.files.items()} == push.sizes
    assert commit.files["README.md"].decode() == push.card
    assert all(commit.files[name].startswith(b"\x89PNG") for name in ("plots/damage.png", "plots/divergence.png"))
    assert len(me.verified) == 3  # weights and plots go over LFS, and each is verified
    assert sorted(path.name for path in out.iterdir()) == [
        name for name in SENT if "plots" not in name and name != "README.md"
    ]
    assert str(push).startswith("sent to me/model\n")


def test_what_was_sent_loads_without_this_package(me, out, tmp_path):
    push_to_hub(out, "me/model")
    done = subprocess.run([sys.executable, "-c", LOAD, tmp_path / "logits.pt"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("3\n"), done.stderr[-3000:]
    expected = logits_of(AutoModelForCausalLM.from_pretrained(out))
    assert torch.equal(torch.load(tmp_path / "logits.pt"), expected)


def test_a_model_in_memory_is_sent_with_its_tokenizer(me, quantized, out, tmp_path, monkeypatch):
    monkeypatch.setattr(push_module.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    push = push_to_hub(quantized, "me/model", licence="cc0-1.0")
    assert sorted(me.files_of("me/model")) == sorted([*SENT, ".gitattributes"])
    assert me.files_of("me/model")["model.safetensors"] == (out / "model.safetensors").read_bytes()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert push.notes == ()
    assert AutoTokenizer.from_pretrained("me/model")("habari").input_ids


def test_the_weights_are_not_copied(me, out, tmp_path):
    script = """
import resource, sys
from optimum_multilingual import push_to_hub
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # no file may become as large as the weights
push_to_hub(sys.argv[1], "me/model")
"""
    assert (out / "model.safetensors").stat().st_size > 3_000_000
    done = subprocess.run([sys.executable, "-c", script, out], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "model.safetensors" in me.files_of("me/model")


def test_a_second_push_keeps_what_others_wrote(me, out):
    push_to_hub(out, "me/model", licence="mit")
    card = ModelCard(me.files_of("me/model")["README.md"].decode())
    card.data.tags.append("by-hand")
    card.data.pipeline_tag = "text2text-generation"
    card.text = card.text.replace("# model\n", "# My model\n\nWritten by hand above.\n") + "\nWritten by hand below.\n"
    me.write(
        "me/model", {"README.md": str(card).encode(), "model-00001-of-00002.safetensors": b"old", "notes.md": b"mine"}
    )
    me.write("me/model", {".eval_results/multilingual_old.yaml": b"[]", ".eval_results/theirs.yaml": b"[]"})

    push = push_to_hub(out, "me/model")
    text = me.files_of("me/model")["README.md"].decode()
    assert text.startswith("---\n") and "# My model\n\nWritten by hand above.\n" in text
    assert text.endswith("\nWritten by hand below.\n") and text.count("optimum-multilingual begins here") == 1
    data = ModelCard(text).data
    assert data.license == "mit" and "by-hand" in data.tags and data.pipeline_tag == "text2text-generation"
    assert push.deleted == (".eval_results/multilingual_old.yaml", "model-00001-of-00002.safetensors")
    assert {"notes.md", ".eval_results/theirs.yaml"} <= me.files_of("me/model").keys()
    assert list(me.commits[-1].files) == ["README.md"]  # nothing else has changed, and nothing else is sent

    push_to_hub(out, "me/model")
    assert me.files_of("me/model")["README.md"].decode() == text


def test_no_report_manifest_or_map_of_an_earlier_push_stays(me, out):
    push_to_hub(out, "me/model", licence="mit")
    me.write("me/model", {"quanto_qmap.json": b"{}", "recipe.yaml": b"theirs"})
    for name in ("multilingual_report.json", "calibration_manifest.json"):
        (out / name).unlink()
    push = push_to_hub(out, "me/model")
    old = {"calibration_manifest.json", "multilingual_report.json", "quanto_qmap.json"}
    assert {*push.deleted} == old | {"plots/damage.png", "plots/divergence.png"}
    assert not old & me.files_of("me/model").keys() and "recipe.yaml" in me.files_of("me/model")


def test_the_empty_form_of_transformers_is_replaced(me, quantized, out):
    AutoModelForCausalLM.from_pretrained(out).push_to_hub("me/model")
    assert "More Information Needed" in me.files_of("me/model")["README.md"].decode()
    card = push_to_hub(out, "me/model").card
    assert "More Information Needed" not in card and "\n# model\n" in card


def test_the_card_in_the_folder_is_the_one_that_is_kept(me, out):
    (out / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    card = push_to_hub(out, "me/model").card
    assert "license: mit" in card and card.index("# Mine") < card.index("## What each language lost")
    assert (out / "README.md").read_text() == "---\nlicense: mit\n---\n# Mine\n"


def test_a_folder_without_a_tokenizer_is_noted(me, out):
    for path in out.glob("tokenizer*"):
        path.unlink()
    [note] = push_to_hub(out, "me/model", licence="mit", dry_run=True).notes
    assert note.startswith("no tokenizer, without which nobody can use the model")


def test_a_card_in_the_folder_that_replaces_another_is_noted(me, out):
    (out / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    for _ in range(2):
        assert push_to_hub(out, "me/model", licence="mit").notes == ()
    text = me.files_of("me/model")["README.md"]
    me.write("me/model", {"README.md": text + b"\nWritten on the Hub.\n"})
    [note] = push_to_hub(out, "me/model", licence="mit", dry_run=True).notes
    assert note.startswith("the README.md in the folder replaces the one on the Hub")
    me.write("me/model", {"README.md": b"---\nlanguage: [en\n---\n"})
    assert push_to_hub(out, "me/model", licence="mit").notes == (note,)


def test_a_pull_request_is_opened_in_the_repository_of_somebody_else(me, out):
    me.accounts["hf_them"] = {"them"}
    push_to_hub(out, "them/model", token="hf_them")
    (out / "generation_config.json").unlink()
    push = push_to_hub(out, "them/model", create_pr=True, licence="mit")
    assert push.pull_request_url == f"{me.url}/them/model/discussions/1"
    assert me.commits[-1].branch == "refs/pr/1"
    assert b"license: mit" not in me.files_of("them/model")["README.md"]
    assert b"license: mit" in me.files_of("them/model", "refs/pr/1")["README.md"]
    assert me.requests.count("POST /api/repos/create") == 1


def test_a_new_branch_has_nothing_of_the_weights_of_main_and_keeps_its_card(me, out):
    push_to_hub(out, "me/model", licence="mit")
    text = me.files_of("me/model")["README.md"].replace(b"# model\n", b"# My model\n\nWritten by hand.\n")
    head = me.write("me/model", {"README.md": text})
    (out / "model.safetensors").rename(out / "model-00001-of-00001.safetensors")
    assert push_to_hub(out, "me/model", revision="v2", dry_run=True).deleted == ("model.safetensors",)
    push_to_hub(out, "me/model", revision="v2")
    files = me.files_of("me/model", "v2")
    assert "model-00001-of-00001.safetensors" in files and "model.safetensors" not in files
    assert b"# My model\n\nWritten by hand.\n" in files["README.md"] and b"license: mit" in files["README.md"]
    assert me.commits[-1].parent == head and "model.safetensors" in me.files_of("me/model")


def test_a_branch_is_made_where_there_is_none(me, out):
    push_to_hub(out, "me/model")
    push_to_hub(out, "me/model", revision="v2", licence="mit")
    assert me.commits[-1].branch == "v2"
    for branch, other in (("v2", "main"), ("main", "v2")):
        card = me.files_of("me/model", branch)["README.md"].decode()
        assert ("license: mit" in card) is (branch == "v2")
        assert f"/me/model/blob/{branch}/" in card and f"/me/model/blob/{other}/" not in card


@pytest.mark.parametrize("private", [True, None])
def test_a_repository_is_as_private_as_asked(me, out, private):
    push_to_hub(out, "me/model", private=private)
    assert me.repositories["models", "me/model"].private is bool(private)
    [body] = [json.loads(body) for request, body in me.bodies if request == "POST /api/repos/create"]
    assert ("visibility" in body) is bool(private)


def test_a_dry_run_shows_what_a_push_sends_and_sends_nothing(me, out):
    shown = push_to_hub(out, "me/model", dry_run=True)
    assert {request.split()[0] for request in me.requests} <= {"GET", "HEAD"} and not me.repositories
    sent = push_to_hub(out, "me/model")
    assert replace(sent, commit_url=None) == shown
    lines = str(shown).splitlines()
    assert lines[0] == "would be sent to me/model" and f"  {shown.sizes['config.json']:9,}  config.json" in lines


def test_only_a_checkpoint_is_sent(me, out):
    for name in ("notes.txt", "calibration_set.parquet", ".env", "optimizer.pt", "figures/a.png", ".cache/x.json"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    push = push_to_hub(out, "me/model", include=["figures/*.png"])
    assert push.left_out == (".cache/x.json", ".env", "calibration_set.parquet", "notes.txt", "optimizer.pt")
    assert sorted(me.commits[0].files) == sorted([*SENT, "figures/a.png"])
    with pytest.raises(CheckpointError, match="finds no file"):
        push_to_hub(out, "me/model", include=["nothing/*"])


def test_pickles_and_calibration_sets_are_never_sent(me, out):
    withheld = (
        "adapter.bin",
        "calibration_set.parquet",
        "optimizer.PT",
        "sets/calibration_set.parquet",
        "x.pkl",
        "y.pth",
    )
    (out / "sets").mkdir()
    for name in (*withheld, "notes.txt"):
        (out / name).write_text("mine")
    push = push_to_hub(out, "me/model", include=["*"], dry_run=True)
    assert push.left_out == withheld and "notes.txt" in push.sizes
    for pattern in ("optimizer.*", "calibration_set.parquet"):
        with pytest.raises(CheckpointError, match=r"finds no file in .* that may be published"):
            push_to_hub(out, "me/model", include=[pattern])


def test_without_matplotlib_there_are_no_plots_and_it_is_said(me, out, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    push = push_to_hub(out, "me/model")
    assert not [name for name in push.sizes if "plots" in name] and "](plots" not in push.card
    assert any(note.startswith("no plots: Plots need matplotlib") for note in push.notes)


def test_results_of_a_dataset_of_the_hub_are_files_of_results(me, out):
    values = json.loads((out / "multilingual_report.json").read_text("utf-8"))
    values["evaluation"]["corpus"] = {
        "kind": "hub",
        "name": "flores_plus",
        "repository": "o/flores_plus",
        "revision": "a" * 40,
    }
    (out / "multilingual_report.json").unlink()
    (out / "multilingual_report.json").write_text(json.dumps(values))
    push_to_hub(out, "me/model")
    entries = yaml.safe_load(me.files_of("me/model")[".eval_results/multilingual_flores_plus.yaml"])
    assert {entry["dataset"]["task_id"] for entry in entries} == {"eng_Latn", "swh_Latn", "cmn_Hans"}


@pytest.mark.parametrize("broken", ["no folder", "no config", "dense", "torn config"])
def test_what_is_no_quantized_checkpoint_is_refused(me, out, tiny_model_path, broken):
    folder = {"no folder": out / "nothing", "dense": tiny_model_path}.get(broken, out)
    if broken == "no config":
        (out / "config.json").unlink()
    if broken == "torn config":
        (out / "config.json").unlink()
        (out / "config.json").write_text('{"quant')
    with pytest.raises(CheckpointError, match=r"is no folder|has no config|no quantized checkpoint|cannot be read"):
        push_to_hub(folder, "me/model")
    assert not me.repositories


def test_a_model_of_others_is_refused(me, random_llama):
    with pytest.raises(ModelError, match="without provenance"):
        push_to_hub(random_llama(), "me/model")
