"""What a sweep says of settings that tie and of languages that are broken, in words, tables and pictures."""

from xml.etree import ElementTree

import numpy as np
import pytest
from setting_sums import sums

from optimum_multilingual.analysis.ranking_plot import plot_ranking
from optimum_multilingual.analysis.sweep_result import Group
from optimum_multilingual.analysis.sweep_table import conclusion, group_table
from optimum_multilingual.analysis.workbench import Measured
from optimum_multilingual.report.canvas import save_figure


@pytest.fixture(scope="module")
def group(measured_report):
    """Makes the cells of settings whose KL in two languages is given."""
    report = measured_report({"en": 0.1, "sw": 0.2})

    def make(**settings):
        cells = {name: [Measured(report, sums([kl])[0])] for name, kl in settings.items()}
        return Group("gptq", 3, cells)

    return make


def texts_of(figure, path):
    save_figure(figure, path)
    root = ElementTree.fromstring(path.read_text("utf-8"))
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_settings_that_tie_have_no_star_and_are_unresolved(group):
    tied = group(a=(0.1, 0.2), b=(0.1, 0.2), c=(0.3, 0.4))
    said = conclusion(tied)
    assert "which setting has the lowest mean KL is unresolved; a and b have the same" in said
    assert "which is unresolved. The best setting is resolved in 0 of 2 languages." in said
    table = group_table(tied)
    assert " * |" not in table and table.count("| 1 (1 .. 1) |") == 2 and "| 3 (3 .. 3) |" in table
    assert "has the highest" not in conclusion(group(a=(0.1, 0.2), b=(0.1, 0.2)))


def test_a_language_that_every_setting_broke_is_left_out_and_named(group):
    cells = group(a=(0.4, np.inf), b=(0.1, np.inf))
    said, table = conclusion(cells), group_table(cells)
    assert "b has the lowest mean KL" in said and "a has the highest" in said
    assert said.endswith("Broken: Swahili with every setting. Mean and worst language are over 1 of 2 languages.")
    assert "resolved in 1 of 2 languages" in said and "Broken: Swahili" in table
    assert "inf" not in said + table and "nan" not in said + table and "broken *" not in table


def test_a_setting_that_broke_a_language_has_no_mean(group):
    cells = group(a=(0.1, np.inf), b=(0.4, 0.4))
    said = conclusion(cells)
    assert (
        "b has the lowest mean KL" in said
        and "has the highest" not in said
        and said.endswith("Broken: Swahili with a.")
    )
    assert "| broken |" in group_table(cells)


def test_where_everything_is_broken_nothing_is_best(group):
    said = conclusion(group(a=(np.inf, 0.1), b=(0.1, np.inf)))
    assert "which setting is best is unresolved" in said and "Broken: English with a; Swahili with b." in said
    assert "a has no mean KL: every language is broken. Broken: English with a" in conclusion(group(a=(np.inf, np.inf)))
    assert "a has a mean KL of" in conclusion(group(a=(0.1, np.inf)))


def test_rows_of_the_picture_say_what_is_broken(group, tmp_path):
    def written(**settings):
        return texts_of(plot_ranking(group(**settings).losses("kl").ranking(), "gptq"), tmp_path / "ranking.svg")

    assert written(a=(0.1, np.inf), b=(0.4, 0.3)).count("broken: Swahili") == 1
    assert written(a=(0.1, np.inf), b=(0.4, np.inf)).count("worst: English; broken: Swahili") == 2
    assert "broken: English and 1 more" in written(a=(np.inf, np.inf), b=(0.4, 0.3))
    assert "worst: English" in written(a=(0.4, 0.3), b=(0.2, 0.1))
