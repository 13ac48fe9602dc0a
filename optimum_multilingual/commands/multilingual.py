"""`optimum-cli multilingual`: one verb for each step, with files between the steps."""

from __future__ import annotations

from optimum.commands.base import BaseOptimumCLICommand, CommandInfo

from .activations import ActivationsCommand
from .calibrate import CalibrateCommand
from .corpora import CorporaCommand
from .evaluate import EvaluateCommand
from .export import ExportCommand
from .languages import LanguagesCommand
from .methods import MethodsCommand
from .minimax import MinimaxCommand
from .push import PushCommand
from .quantize import QuantizeCommand
from .recover import RecoverCommand
from .report import ReportCommand
from .size import SizeCommand
from .sweep import SweepCommand


class MultilingualCommand(BaseOptimumCLICommand):
    """The parent of all verbs; alone it prints the help."""

    COMMAND = CommandInfo(
        name="multilingual",
        help="Quantize multilingual models with language-balanced calibration, and report what each language lost.",
    )
    SUBCOMMANDS = (
        CommandInfo(name="languages", help="List or search languages.", subcommand_class=LanguagesCommand),
        CommandInfo(name="corpora", help="List the catalogue of corpora.", subcommand_class=CorporaCommand),
        CommandInfo(name="methods", help="List methods of quantization.", subcommand_class=MethodsCommand),
        CommandInfo(name="calibrate", help="Build a calibration set.", subcommand_class=CalibrateCommand),
        CommandInfo(name="export", help="Hand a set to other tools.", subcommand_class=ExportCommand),
        CommandInfo(name="quantize", help="Quantize a model and report.", subcommand_class=QuantizeCommand),
        CommandInfo(name="evaluate", help="Compare two checkpoints.", subcommand_class=EvaluateCommand),
        CommandInfo(name="recover", help="Train a LoRA against the reference.", subcommand_class=RecoverCommand),
        CommandInfo(name="report", help="Show, compare or merge reports.", subcommand_class=ReportCommand),
        CommandInfo(name="minimax", help="Search a fair mixture.", subcommand_class=MinimaxCommand),
        CommandInfo(name="size", help="Find how much text is enough.", subcommand_class=SizeCommand),
        CommandInfo(
            name="activations", help="See which languages go beyond the rows.", subcommand_class=ActivationsCommand
        ),
        CommandInfo(name="sweep", help="Rank many calibration sets.", subcommand_class=SweepCommand),
        CommandInfo(name="push", help="Publish a checkpoint with its report.", subcommand_class=PushCommand),
    )
