"""Keeps engines from writing into a user's terminal and logging; everything is put back afterwards."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

KEPT = {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "CUDA_DEVICE_ORDER"}


@contextmanager
def quiet_import() -> Iterator[None]:
    """Imports engines without their banners, and leaves the root logger as it was.

    Importing gptqmodel prints a banner to stdout, its tokenizer package sets the root logger to INFO and moves the Hugging
    Face cache of this process and its children to a temporary folder, and torchao warns of kernels that were built for
    other devices. What gptqmodel sets for torch itself (KEPT) stays, because its kernels count on it.
    """
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), root.manager.disable
    known = set(sys.modules)
    logging.disable(logging.WARNING)
    try:
        with environment_kept(), quiet_engine(logging.ERROR):
            yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
        _forget_frames(sys.modules.keys() - known)


def _forget_frames(modules: Iterable[str]) -> None:
    """Lets go of the frames in errors that modules keep of their import, as gptqmodel does where llama_cpp is missing.

    They hold all that its callers had at hand then, the model that was being loaded too, as long as the process lives.
    """
    for name in modules:
        for value in list(getattr(sys.modules[name], "__dict__", {}).values()):
            # By its type: isinstance would ask objects that answer with a warning.
            if issubclass(type(value), BaseException):
                value.__traceback__ = None


@contextmanager
def environment_kept() -> Iterator[None]:
    """Puts the environment variables back that an engine sets, but for those that torch reads (KEPT)."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys() - KEPT:
            del os.environ[name]
        for name in before.keys() - KEPT:
            os.environ[name] = before[name]


@contextmanager
def quiet_engine(level: int = logging.WARNING) -> Iterator[None]:
    """Lets only warnings of GPTQModel through, whose logger writes to stdout; does nothing where it is not installed."""
    if find_spec("logbar") is None:
        yield
        return
    from logbar import LogBar

    logger = LogBar.shared()
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def quiet_logger(name: str) -> Iterator[None]:
    """Lets only errors of one logger through."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
