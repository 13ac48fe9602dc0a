"""How file names say the language: patterns such as `data/{code}/train/*.parquet`."""

from __future__ import annotations

import re
from collections.abc import Iterable

CODE = re.escape("{code}")


def folder_of_codes(pattern: str) -> str:
    """The folder whose entries are named after languages.

    >>> folder_of_codes("data/{code}/train/*.parquet"), folder_of_codes("20231101.{code}/*.parquet")
    ('data', '')
    """
    return pattern.split("{code}")[0].rpartition("/")[0]


def code_in(pattern: str, path: str) -> str | None:
    """The code in the path of one entry of `folder_of_codes(pattern)`; None where the path is not of that form.

    >>> code_in("20231101.{code}/*.parquet", "20231101.sw"), code_in("dev/{code}.jsonl", "dev/swh_Latn.jsonl")
    ('sw', 'swh_Latn')
    """
    depth = folder_of_codes(pattern).count("/") + 1 if folder_of_codes(pattern) else 0
    entry = "/".join(pattern.split("/")[: depth + 1])
    expression = _expression(entry).replace(CODE, "(?P<code>[^/]+?)", 1).replace(CODE, "(?P=code)")
    found = re.fullmatch(expression, path)
    return found["code"] if found else None


def folder_of_files(pattern: str, code: str) -> str:
    """The folder below which all files of one language are.

    >>> folder_of_files("data/{code}/train/*.parquet", "swh_Latn"), folder_of_files("dev/{code}.jsonl", "swh_Latn")
    ('data/swh_Latn', 'dev')
    """
    if "{code}" not in pattern:
        return pattern.split("*")[0].rpartition("/")[0]
    before, after = pattern.split("{code}", 1)
    folder = folder_of_codes(pattern)
    if "/" not in after:
        return folder
    name = before.rpartition("/")[2] + code + after.split("/")[0]
    return f"{folder}/{name}".lstrip("/")


def matching(pattern: str, code: str, paths: Iterable[str]) -> list[str]:
    """The paths that a pattern means for one language, sorted.

    >>> matching("{code}/*.parquet", "sw", ["sw/1.parquet", "sw/old/0.parquet", "sw/0.parquet", "en/0.parquet"])
    ['sw/0.parquet', 'sw/1.parquet']
    """
    expression = re.compile(_expression(pattern).replace(CODE, re.escape(code)))
    return sorted(path for path in paths if expression.fullmatch(path))


def _expression(pattern: str) -> str:
    """A regular expression for a pattern: `**/` is any folders or none, `*` anything but a slash."""
    return re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
