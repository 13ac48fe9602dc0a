"""The command line, run in this process through optimum's own entry point."""

import sys

import pytest
from optimum.commands.optimum_cli import main


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs `optimum-cli multilingual ...` and gives its exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["optimum-cli", "multilingual", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
