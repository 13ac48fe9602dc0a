"""`optimum-cli multilingual push`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from . import arguments

EXAMPLES = """\
  optimum-cli multilingual push out/ me/model-gptq --dry-run              # what would be sent, and the card
  optimum-cli multilingual push out/ me/model-gptq --private
  optimum-cli multilingual push out/ me/model-gptq --base-model BSC-LT/salamandra-2b --licence apache-2.0
  optimum-cli multilingual push out/ them/model-gptq --create-pr
"""


class PushCommand(BaseOptimumCLICommand):
    """Publishes a checkpoint with its card, report, results and plots."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser,
            "Publishes the folder of a quantized checkpoint with its per-language evidence, in one commit.",
            EXAMPLES,
        )
        parser.add_argument(
            "folder", help="that `quantize` or save_pretrained wrote; its weights are sent from where they lie"
        )
        parser.add_argument("repository", metavar="REPO", help="owner/name on the Hub")
        parser.add_argument(
            "--base-model", help="model it was made from, by name on the Hub or folder (default: as recorded)"
        )
        parser.add_argument(
            "--licence", help="identifier of the Hub: apache-2.0 (default: that of the card or the base model)"
        )
        parser.add_argument(
            "--include", nargs="+", default=(), metavar="PATTERN", help="further files of the folder: 'figures/*.png'"
        )
        parser.add_argument(
            "--private",
            action="store_true",
            default=None,
            help="make a new repository private (default: as the owner has it)",
        )
        parser.add_argument("--new", action="store_true", help="refuse a repository that exists")
        parser.add_argument("--create-pr", action="store_true", help="propose the commit as a pull request")
        parser.add_argument("--revision", help="branch to commit to")
        parser.add_argument("--commit-message", help="first line of the commit")
        parser.add_argument("--dry-run", action="store_true", help="show files, sizes and card, and send nothing")

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..hub.push import push_to_hub

        args = self.args
        # The token is that of `hf auth login` or HF_TOKEN: one on a command line is seen by all users of a machine.
        push = push_to_hub(
            args.folder,
            args.repository,
            base_model=args.base_model,
            licence=args.licence,
            include=args.include,
            private=args.private,
            exist_ok=not args.new,
            create_pr=args.create_pr,
            revision=args.revision,
            commit_message=args.commit_message,
            dry_run=args.dry_run,
        )
        print(push)
        if args.dry_run:
            print(f"\n{push.card}")
        else:
            print(push.pull_request_url or push.commit_url)
