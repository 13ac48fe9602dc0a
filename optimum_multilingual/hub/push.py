"""Publishing: a checkpoint, its card, its report, its results and its plots in one commit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..backends.quanto import MAP_FILE
from ..calibration.calibration_set import MANIFEST_FILE
from ..calibration.tokenization import load_tokenizer
from ..checkpoint import PROVENANCE_KEY, WEIGHT_FILES
from ..errors import HubError, MissingPackageError, ModelError
from ..report.multilingual_report import REPORT_FILE, MultilingualReport
from .base_model import require_base_model
from .card_sentences import PLOTS
from .card_text import card_content
from .checkpoint_folder import CheckpointFolder
from .eval_results import PREFIX, eval_result_files
from .front_matter import CARD
from .licence import Licence, inherited_licence
from .model_card import CardFacts, Given
from .private_values import is_looked_through, require_nothing_private
from .repository import ModelRepository, State

PLOT_FOLDER = "plots/"

# What is written beside the weights of one checkpoint, and tells of no other.
RECORDS = (REPORT_FILE, MANIFEST_FILE, MAP_FILE)

NO_TOKENIZER = (
    "no tokenizer, without which nobody can use the model: save the base model's into the folder before pushing "
    "(AutoTokenizer.from_pretrained(...).save_pretrained(folder))"
)
CARD_IS_REPLACED = (
    f"the {CARD} in the folder replaces the one on the Hub, which says something else around our part. Leave it out of the "
    "folder to keep that one."
)


@dataclass(frozen=True)
class Push:
    """What a push sends, or would send.

        >>> print(push_to_hub("out/", "me/model-gptq", dry_run=True))
        would be sent to me/model-gptq
          3,355,784  model.safetensors
        ...

    Args:
        repo_id: owner/name of the repository.
        sizes: of every file that is sent, in bytes, by its path in the repository.
        deleted: files of an earlier push that go, because they would be taken for part of this one.
        left_out: files of the folder that stay where they are.
        notes: what could not be said or made, and why.
        card: the whole README.md.
        commit_url: where the commit is; None for a dry run.
        pull_request_url: where it is proposed, with `create_pr`.
    """

    repo_id: str
    sizes: dict[str, int]
    deleted: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    card: str
    commit_url: str | None = None
    pull_request_url: str | None = None

    def __str__(self) -> str:
        lines = [f"{'would be sent' if self.commit_url is None else 'sent'} to {self.repo_id}"]
        width = max(len(f"{size:,}") for size in self.sizes.values())
        lines += [f"  {size:{width},}  {path}" for path, size in self.sizes.items()]
        lines.append(f"  {sum(self.sizes.values()):,} bytes in {len(self.sizes)} files")
        if self.deleted:
            lines.append(f"deleted there: {', '.join(self.deleted)}")
        if self.left_out:
            lines.append(f"left out: {', '.join(self.left_out)}")
        return "\n".join([*lines, *self.notes])


def push_to_hub(
    model: Any,
    repo_id: str,
    *,
    tokenizer: Any = None,
    base_model: str | Path | None = None,
    licence: str | None = None,
    include: Sequence[str] = (),
    private: bool | None = None,
    exist_ok: bool = True,
    create_pr: bool = False,
    revision: str | None = None,
    commit_message: str | None = None,
    token: str | None = None,
    dry_run: bool = False,
) -> Push:
    """Publishes a quantized model with its per-language evidence, in one commit.

        >>> push_to_hub(model, "me/model-gptq")                          # after the one line
        >>> push_to_hub("out/", "me/model-gptq", private=True)           # a folder, whose weights are not copied
        >>> print(push_to_hub("out/", "me/model-gptq", dry_run=True))    # what would be sent

        README.md                       the card: languages, licence, table, calibration set, how to load and make it again
        multilingual_report.json        what each language lost            calibration_manifest.json  what it was calibrated on
        .eval_results/*.yaml            the same as results of the Hub     plots/*.png                the same as pictures
        config.json, *.safetensors, tokenizer.json ...                    an ordinary checkpoint

    Args:
        model: quantized by the one line, or the folder it was saved in. A model in memory is saved into a temporary folder.
        repo_id: owner/name.
        tokenizer: of a model in memory, by object or name; None takes the one of the base model.
        base_model: the model it was made from, by name on the Hub or folder; None takes what the checkpoint says.
        licence: identifier of the Hub, such as "apache-2.0"; None takes the one of the card that is there, or of the base model.
        include: patterns of further files of the folder, such as "figures/*.png".
        private: of a repository that is made, and one that is public is refused; None as the Hub has it for the owner.
        exist_ok: whether a repository that is there may be updated. What others wrote on its card is kept.
        create_pr: propose the commit as a pull request.
        revision: branch; None for the default one.
        commit_message: first line of the commit.
        token: None takes the one of `hf auth login` or HF_TOKEN.
        dry_run: send nothing and change nothing.

    Raises:
        HubError: the Hub cannot be reached, refuses the push, or changed meanwhile; or the base model is no folder and no name.
        CheckpointError: the folder is no quantized checkpoint, or a file holds a token or a path of this machine.
        ModelError: the model was not quantized by this package.
    """
    repository = ModelRepository(repo_id, revision, create_pr, private, exist_ok, token)
    said = _Said(base_model, licence)
    message = commit_message or "Upload quantized model with per-language report"
    if isinstance(model, str | Path):
        checkpoint = CheckpointFolder.read(model, include)
        state = repository.state()
        push, files = _prepared(repository, checkpoint, state, said)
        if not dry_run:
            repository.create()
        return push if dry_run else _sent(repository, push, files, message, state)
    _require_ours(model)
    state = repository.state()
    if not dry_run:
        repository.create()  # first, so that a token that may not write is known before gigabytes are saved
    said = replace(said, base_folder=_folder_of(model))
    with _saved(model, tokenizer) as folder:
        push, files = _prepared(repository, CheckpointFolder.read(folder, include), state, said)
        return push if dry_run else _sent(repository, push, files, message, state)


@dataclass(frozen=True)
class _Said:
    """What the user says of the base model and the licence, and where a local base model lies."""

    base_model: str | Path | None
    licence: str | None
    base_folder: Path | None = None

    def __post_init__(self) -> None:
        if self.base_model is not None:
            require_base_model(self.base_model)


def _prepared(
    repository: ModelRepository, checkpoint: CheckpointFolder, state: State, said: _Said
) -> tuple[Push, dict[str, Path | bytes]]:
    """What is sent, and each file with its place on disk or its content."""
    existing = checkpoint.card or state.card
    given = _given(repository, checkpoint, said)
    plots, notes = _plots(checkpoint.report)
    facts = CardFacts.of(checkpoint, given, tuple(plots))
    card = card_content(facts, existing, licence_is_given=said.licence is not None)
    results = (
        {} if checkpoint.report is None else eval_result_files(checkpoint.report, repository.id, repository.revision)
    )
    files: dict[str, Path | bytes] = {name: checkpoint.folder / name for name in checkpoint.files}
    files |= {CARD: card.encode(), **results, **plots}
    for name, content in files.items():
        if is_looked_through(name):
            data = content if isinstance(content, bytes) else content.read_bytes()
            require_nothing_private(name, data, repository.secret)
    if checkpoint.card is not None and state.card is not None and not _says_the_same(facts, state.card, card, said):
        notes = [*notes, CARD_IS_REPLACED]
    if given.licence is None:
        notes = [*notes, f"no licence: {given.no_licence}. Give licence= (--licence) if you know it."]
    if not any(name.startswith("tokenizer") for name in checkpoint.files):
        notes = [*notes, NO_TOKENIZER]
    if checkpoint.report is None:
        notes = [*notes, "no report: nothing was measured, so the card cannot say what any language lost"]
    sizes = {name: len(each) if isinstance(each, bytes) else each.stat().st_size for name, each in files.items()}
    deleted = tuple(name for name in state.files if name not in files and _is_of_an_earlier_push(name))
    return Push(repository.id, dict(sorted(sizes.items())), deleted, checkpoint.left_out, tuple(notes), card), files


def _says_the_same(facts: CardFacts, existing: bytes, card: str, said: _Said) -> bool:
    """Whether the card would be the same one if it were made from another that is there."""
    try:
        return card_content(facts, existing, licence_is_given=said.licence is not None).split() == card.split()
    except HubError:  # what cannot be read is not what is written
        return False


def _sent(repository: ModelRepository, push: Push, files: dict[str, Path | bytes], message: str, state: State) -> Push:
    commit_url, pull_request_url = repository.commit(files, push.deleted, message, state.commit)
    return replace(push, commit_url=commit_url, pull_request_url=pull_request_url)


def _given(repository: ModelRepository, checkpoint: CheckpointFolder, said: _Said) -> Given:
    """The base model and its licence, as far as they are known."""
    setting = {} if checkpoint.report is None else checkpoint.report.setting
    named = checkpoint.provenance.get("base_model") or setting.get("model")
    revision = checkpoint.provenance.get("base_revision") or setting.get("revision")
    folder = said.base_folder
    if said.base_model is not None:
        folder = Path(said.base_model) if Path(said.base_model).is_dir() else None
        name = str(said.base_model) if folder is None else folder.resolve().name
        named, revision = name, revision if name == named else None
    public = (
        folder is None and named is not None and ("/" in named or revision is not None or said.base_model is not None)
    )
    licence, reason = None, "the base model is not known"
    if said.licence is not None:
        licence, reason = Licence(said.licence, source="its publisher"), ""
    elif folder is not None or public:
        assert named is not None
        licence, reason = inherited_licence(folder or named, revision, repository.token)
    elif named is not None:
        reason = f"the base model {named} was a folder, and its card is not here"
    return Given(repository.id, named, revision, public, licence, reason, repository.revision)


def _plots(report: MultilingualReport | None) -> tuple[dict[str, bytes], list[str]]:
    """The pictures beside the card, path to content, and a note where they cannot be drawn."""
    from ..report.canvas import png

    if report is None:
        return {}, []
    try:
        return {f"{PLOT_FOLDER}{name}.png": png(report.plot(name)) for name in PLOTS}, []
    except MissingPackageError as error:
        return {}, [f"no plots: {error}"]


def _is_of_an_earlier_push(name: str) -> bool:
    """Whether a file would be taken for part of this push: old shards for new weights, an old report for what this one lost."""
    return WEIGHT_FILES.fullmatch(name) is not None or name in RECORDS or name.startswith((PREFIX, PLOT_FOLDER))


def _require_ours(model: Any) -> None:
    if getattr(getattr(model, "config", None), PROVENANCE_KEY, None) is None:
        raise ModelError(
            f"A {type(model).__name__} without provenance was given; push_to_hub publishes a model that the one line quantized, "
            "or the folder of a quantized checkpoint."
        )


def _folder_of(model: Any) -> Path | None:
    return Path(model.name_or_path) if Path(model.name_or_path).is_dir() else None


@contextmanager
def _saved(model: Any, tokenizer: Any) -> Iterator[Path]:
    """A model in memory in a temporary folder, with its tokenizer."""
    tokenizer = load_tokenizer(tokenizer, model.name_or_path, getattr(model.config, "_commit_hash", None))
    with tempfile.TemporaryDirectory(prefix="push-to-hub-") as folder:
        model.save_pretrained(Path(folder) / "model")
        tokenizer.save_pretrained(Path(folder) / "model")
        yield Path(folder) / "model"
