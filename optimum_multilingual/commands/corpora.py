"""`optimum-cli multilingual corpora`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from .arguments import describe, run_or_exit

EXAMPLES = """\
  optimum-cli multilingual corpora
  optimum-cli multilingual corpora fineweb2
  optimum-cli multilingual languages --corpus fineweb2
"""


class CorporaCommand(BaseOptimumCLICommand):
    """Lists the corpora that have a name, or says all that is known of one; asks the Hub nothing."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Lists the datasets of the Hub that can be given as --corpus.", EXAMPLES)
        parser.add_argument("name", nargs="?", help="one of them, in full")

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        if self.args.name is None:
            _show_all()
        else:
            _show(self.args.name)


def _show_all() -> None:
    from ..corpora.catalog import load_catalog

    entries = load_catalog().values()
    width, longest = (max(len(getattr(entry, field)) for entry in entries) for field in ("name", "repository"))
    print(f"{'name':{width}} {'repository':{longest}} {'gated':6} {'for':24} licence")
    for entry in entries:
        gated, uses = "yes" if entry.gated else "-", ", ".join(entry.uses)
        print(f"{entry.name:{width}} {entry.repository:{longest}} {gated:6} {uses:24} {entry.licence}")


def _show(corpus: str) -> None:
    from ..corpora.catalog import find_entry

    entry = find_entry(corpus)
    patterns = {"files": entry.files, "evaluation": entry.evaluation_files}
    checked = "against the Hub" if entry.verified else "against public code that reads it, not against the Hub itself"
    facts = {
        "licence": entry.licence,
        "gated": "yes: accept its terms on its page, and log in with `hf auth login`" if entry.gated else "no",
        "for": ", ".join(entry.uses),
        "revision": entry.revision or "the newest commit",
        **{name: pattern for name, pattern in patterns.items() if pattern is not None},
        "checked": checked,
    }
    print(f"{entry.title}\nhttps://huggingface.co/datasets/{entry.repository}\n\n{entry.note}\n")
    for name, fact in facts.items():
        print(f"{name:10} {fact}")
