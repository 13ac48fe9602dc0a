"""Reports by the name of a published model."""

from __future__ import annotations

from pathlib import Path

from ..errors import CheckpointError, HubError
from ..report.multilingual_report import REPORT_FILE, MultilingualReport


def load_report(source: str | Path, revision: str | None = None, token: str | None = None) -> MultilingualReport:
    """The report of a published model, of the folder of a checkpoint, or in a file.

        >>> print(load_report("me/model-gptq"))
        >>> compare_reports([load_report("me/model-3bit"), load_report("me/model-4bit")])

    Args:
        source: a file, a folder, or a name on the Hub; what is on disk comes first.
        revision: commit, branch or tag on the Hub.
        token: None takes the one of `hf auth login` or HF_TOKEN.

    Raises:
        CheckpointError: there is no report, it is damaged, or a newer version of this package wrote it.
        HubError: the Hub cannot be reached, or has no such model.
    """
    if Path(source).exists():
        return MultilingualReport.load(source)
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(str(source))
    except HFValidationError as error:
        raise _nowhere(source) from error
    if str(source).count("/") != 1 or Path(source).suffix == ".json":
        raise _nowhere(source)
    return MultilingualReport.load(_downloaded(str(source), revision, token))


def _downloaded(name: str, revision: str | None, token: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    from .upload_errors import explain_upload

    try:
        return Path(hf_hub_download(name, REPORT_FILE, revision=revision, token=token))
    except LocalEntryNotFoundError as error:
        raise HubError(
            f"The report of {name} is not in the cache, and the Hub could not be asked: check the network, and that "
            "HF_HUB_OFFLINE is not set."
        ) from error
    except EntryNotFoundError as error:
        raise CheckpointError(
            f"The model {name} has no {REPORT_FILE}: it was published without one. `optimum-cli multilingual evaluate` makes one."
        ) from error
    except HfHubHTTPError as error:
        raise explain_upload(error, name, revision) from error


def _nowhere(source: str | Path) -> CheckpointError:
    return CheckpointError(
        f"{source} holds no readable report: it is no file or folder, and no name of a model on the Hub, owner/name."
    )
