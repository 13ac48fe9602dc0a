"""`optimum-cli multilingual methods`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError, MissingPackageError
from .arguments import describe, run_or_exit

if TYPE_CHECKING:
    from ..backends import Capability

EXAMPLES = """\
  optimum-cli multilingual methods
  optimum-cli multilingual methods nf4
  optimum-cli multilingual methods --markdown > table.md
"""

COLUMNS = ("method", "engine", "bits", "group sizes", "calibration", "format", "extra", "installed")
PAGE_COLUMNS = (
    "method",
    "engine",
    "what it is",
    "bits",
    "group sizes",
    "format",
    "calibration",
    "devices",
    "weights it starts from",
    "extra",
    "how the shares reach the engine",
)


class MethodsCommand(BaseOptimumCLICommand):
    """Lists the methods of quantization and the engines that do them, or says all that is known of one."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Lists what can be given as --method and --engine.", EXAMPLES)
        parser.add_argument("name", nargs="?", help="a method, in full")
        parser.add_argument("--markdown", action="store_true", help="all that is known of all methods, as a table")

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        from ..backends import all_capabilities

        if self.args.name is not None and self.args.markdown:
            raise ConfigError("--markdown tells of all methods; leave the name out.")
        if self.args.name is not None:
            _show(self.args.name.lower(), all_capabilities())
        elif self.args.markdown:
            print(markdown_table(all_capabilities()))
        else:
            _show_all(all_capabilities())


def markdown_table(capabilities: tuple[Capability, ...]) -> str:
    """The table of the docs: one line for each method and engine."""
    rows = [PAGE_COLUMNS, (":--",) * len(PAGE_COLUMNS), *map(_page_row, capabilities)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _page_row(capability: Capability) -> tuple[str, ...]:
    return (
        f"`{capability.method}`",
        f"`{capability.engine}`",
        capability.title,
        _with_default(capability.bits, capability.default_bits),
        _with_default(capability.group_sizes, capability.default_group_size),
        ", ".join(capability.formats) or "not saved",
        "yes" if capability.needs_calibration else "no",
        ", ".join(capability.devices),
        ", ".join(capability.dtypes),
        f"`{capability.extra}`",
        capability.balance,
    )


def _with_default(values: tuple[int, ...], default: int | None) -> str:
    return ", ".join(f"**{value}**" if value == default and len(values) > 1 else str(value) for value in values) or "-"


def _show_all(capabilities: tuple[Capability, ...]) -> None:
    rows = [COLUMNS, *map(_row, capabilities)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\nThe first engine of a method does it where --engine names none. `methods NAME` says more.")


def _row(capability: Capability) -> tuple[str, ...]:
    return (
        capability.method,
        capability.engine,
        " ".join(map(str, capability.bits)),
        " ".join(map(str, capability.group_sizes)) or "-",
        "yes" if capability.needs_calibration else "no",
        " ".join(capability.formats) or "not saved",
        capability.extra,
        "no" if _missing(capability) else "yes",
    )


def _missing(capability: Capability) -> str | None:
    try:
        capability.require_packages()
    except MissingPackageError as missing:
        return str(missing)
    return None


def _show(name: str, capabilities: tuple[Capability, ...]) -> None:
    found = [capability for capability in capabilities if capability.method == name]
    if not found:
        names = sorted({capability.method for capability in capabilities})
        raise ConfigError(f"There is no quantization method {name!r}. Methods are {', '.join(names)}.")
    for capability in found:
        facts = {
            "engine": capability.engine,
            "bits": _with_default_in_words(capability.bits, capability.default_bits),
            "groups": _with_default_in_words(capability.group_sizes, capability.default_group_size),
            "format": ", ".join(capability.formats) or f"not saved: {capability.unsaved}",
            "loads with": capability.loader.replace(":", ".") if capability.formats else "-",
            "devices": ", ".join(capability.devices),
            "weights": ", ".join(capability.dtypes),
            "text": capability.balance if capability.needs_calibration else f"needs none. {capability.balance}",
            "upstream": capability.upstream or "-",
            "packages": _missing(capability) or ", ".join(f"{each} {v}" for each, v in capability.versions().items()),
            "source": capability.source,
        }
        print(f"{capability.title}: --method {capability.method} --engine {capability.engine}\n")
        for fact, value in facts.items():
            print(f"{fact:10} {value}")
        for option in capability.options:
            print(f"{'option':10} {option.name}={option.default}: {option.meaning}; {option.allowed}")
        print()


def _with_default_in_words(values: tuple[int, ...], default: int | None) -> str:
    written = " ".join(map(str, values)) or "none"
    return written if default is None or len(values) < 2 else f"{written} (default: {default})"
