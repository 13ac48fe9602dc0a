"""What GPTQModel's own API needs around it on a small machine, and what it would leave behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import ModelError
from .packed_gptq import packing_environment
from .quiet import environment_kept, quiet_engine

# The engine's pool of threads asks for this many: "Virtual pool 'model_loader:cpu' requests 2 workers but parent 'cpu' only
# has 1" (gptqmodel 7.6.0 and 7.7.0, whose default is half of the cores).
WORKERS = 2


@contextmanager
def at_work(model: Any) -> Iterator[None]:
    """Around `quantize` of GPTQModel: nothing on stdout, nothing in the working directory, no environment variable left.

    Its progress bars go to stderr, as those of others do. The pool of threads is made on first use and stays.
    """
    with quiet_engine(), environment_kept(), packing_environment(model), _logs_aside(), redirect_stdout(sys.stderr):
        if (os.cpu_count() or 1) < 2 * WORKERS - 1:
            os.environ.setdefault("GPTQMODEL_CPU_WORKERS", str(WORKERS))
        yield


@contextmanager
def _logs_aside() -> Iterator[None]:
    """Lets the engine write its log of losses, which it puts in ./logs and never removes, into a folder that goes away.

    gptqmodel 7.6.0, LoopProcessor._build_log_file_path; there is no setting for it.
    """
    from gptqmodel import DEVICE_THREAD_POOL
    from gptqmodel.looper import loop_processor

    place = loop_processor._PROJECT_LOG_DIR
    with TemporaryDirectory(prefix="gptqmodel-logs-") as folder:
        loop_processor._PROJECT_LOG_DIR = Path(folder)
        try:
            yield
            DEVICE_THREAD_POOL.wait()  # logs are written in the background
        finally:
            loop_processor._PROJECT_LOG_DIR = place


def require_one_device(model: Any) -> None:
    """Refuses a model over several devices: GPTQModel moves its layers about by itself.

    Raises:
        ModelError: it is.
    """
    places = set(map(str, (getattr(model, "hf_device_map", None) or {}).values()))
    if len(places) > 1:
        raise ModelError(
            f"GPTQModel takes a model on one device, not over {', '.join(sorted(places))}; give "
            'device_map="cpu" or one GPU, or engine="optimum".'
        )
