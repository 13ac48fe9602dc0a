"""`optimum-cli multilingual report`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError
from ..report.output_files import COMPARISON_ENDINGS, PICTURES, PLOTS, REPORT_ENDINGS
from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual report out/                                    # the table of a checkpoint
  optimum-cli multilingual report out/ --output report.html               # a page with table and plots
  optimum-cli multilingual report report.json --output kl.svg --plot divergence
  optimum-cli multilingual report 3bit/ 4bit/ 8bit/                       # settings side by side
  optimum-cli multilingual report 3bit/ 4bit/ --output heat-map.png
  optimum-cli multilingual report me/model-3bit me/model-4bit             # two published models
  optimum-cli multilingual report europe.json africa.json --merge --output all.json
"""


class ReportCommand(BaseOptimumCLICommand):
    """Shows one report, compares several, or merges those of one model over different languages."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser, "Shows a report in another form, compares several settings, or merges several languages.", EXAMPLES
        )
        parser.add_argument(
            "reports",
            nargs="+",
            metavar="REPORT",
            help="folder of a checkpoint, JSON file, or name of a published model; two or more are compared",
        )
        parser.add_argument(
            "--merge", action="store_true", help="join reports of one quantized model over different languages"
        )
        parser.add_argument(
            "--output",
            metavar="FILE",
            help="write a file in place of printing: .json (not of a comparison), .md, .csv, .parquet, .html, .png or .svg",
        )
        parser.add_argument(
            "--plot",
            choices=PLOTS,
            help="what a .png or .svg of one report shows: change with intervals, both models, quantiles of the divergence, or "
            "the heat map (default: damage); a comparison is always a heat map",
        )

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..hub.load_report import load_report
        from ..report.compare import compare_reports
        from ..report.merge import merge_reports

        self._check()
        reports = [load_report(source) for source in self.args.reports]
        if self._compares:
            comparison = compare_reports(reports)
            self._show(comparison, comparison.save)
        else:
            report = merge_reports(reports) if self.args.merge else reports[0]
            self._show(report, partial(report.save, plot=self.args.plot or PLOTS[0]))

    def _show(self, shown: object, save: Callable[[Path], None]) -> None:
        if self.args.output is None:
            print(shown)
        else:
            save(Path(self.args.output))
            print(f"saved in {self.args.output}")

    @property
    def _compares(self) -> bool:
        return len(self.args.reports) > 1 and not self.args.merge

    def _check(self) -> None:
        """Refuses what cannot be written before any report is read."""
        if self.args.output is not None:
            what, endings = ("A comparison", COMPARISON_ENDINGS) if self._compares else ("A report", REPORT_ENDINGS)
            early_checks.require_free_file(self.args.output, what, endings)
        if self.args.plot is None:
            return
        if self._compares:
            raise ConfigError("--plot chooses a plot of one report; several are drawn as a heat map. Leave it out.")
        if self.args.output is None or Path(self.args.output).suffix.lower() not in PICTURES:
            raise ConfigError(f"--plot {self.args.plot} needs an --output that ends in {' or '.join(PICTURES)}.")
