"""`optimum-cli multilingual recover`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual recover nf4/ me/model --languages en sw zh --corpus my_texts/ --output adapter/
  optimum-cli multilingual recover gptq/ me/model --languages en sw zh --steps 200 --rank 16 --output adapter/
"""


class RecoverCommand(BaseOptimumCLICommand):
    """Trains an adapter that brings a quantized model back towards its reference."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        from ..recovery.recovery_config import RecoveryConfig

        arguments.describe(
            parser,
            "Trains a short, language-balanced LoRA on a quantized model against its reference, and reports before and after.",
            EXAMPLES,
        )
        defaults = RecoveryConfig()
        parser.add_argument("quantized", help="name or folder of a bitsandbytes or GPTQ checkpoint")
        parser.add_argument("reference", help="name or folder of the model it was made of")
        parser.add_argument("--output", required=True, metavar="ADAPTER", help="new folder for the adapter")
        parser.add_argument("--device-map", help="as in from_pretrained: auto, cpu, cuda:0")
        group = parser.add_argument_group("training")
        for name, kind, what in (
            ("steps", int, "of the optimizer"),
            ("rows_per_step", int, "calibration rows in one step"),
            ("learning_rate", float, "of AdamW"),
            ("rank", int, "of each low-rank update"),
            ("alpha", int, "updates are scaled by alpha / rank"),
            ("recovery_seed", int, "of the adapter's first weights"),
        ):
            default = getattr(defaults, name.removeprefix("recovery_"))
            option = f"--{name.replace('_', '-')}"
            group.add_argument(option, type=kind, default=default, help=f"{what} (default: %(default)s)")
        arguments.add_corpus(parser)
        arguments.add_calibration(parser)
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..recovery.recovery_config import RecoveryConfig

        folder = early_checks.require_free_folder(self.args.output)
        settings = RecoveryConfig(
            steps=self.args.steps,
            rows_per_step=self.args.rows_per_step,
            learning_rate=self.args.learning_rate,
            rank=self.args.rank,
            alpha=self.args.alpha,
            seed=self.args.recovery_seed,
        )
        config = arguments.config_from(self.args, evaluation=arguments.evaluation_from(self.args))
        device_map = early_checks.device_map_from(self.args)

        from ..recovery.recover import recover_checkpoint
        from ..report.compare import compare_reports

        recovery = recover_checkpoint(self.args.quantized, self.args.reference, folder, config, settings, device_map)
        print(recovery.after)
        print()
        print(compare_reports([recovery.before, recovery.after]))
        print(f"saved in {folder}")
