"""The pictures of a search: every step and every language is in them."""

import math
from xml.etree import ElementTree

from setting_sums import sums

from optimum_multilingual.analysis.minimax_plot import plot_shares, plot_steps
from optimum_multilingual.analysis.minimax_result import MinimaxMixture, Step
from optimum_multilingual.analysis.ranking import Losses
from optimum_multilingual.languages import find_languages
from optimum_multilingual.report.canvas import save_figure

UNIFORM, BETTER = Step((0.5, 0.5), (8, 8), (0.10, 0.05)), Step((0.75, 0.25), (12, 4), (0.08, 0.06))
BROKEN = Step((0.9, 0.1), (14, 2), (math.nan, 0.06))


def found(*steps):
    losses = Losses.of({"uniform": sums([(0.10, 0.05)]), "minimax": sums([(0.08, 0.06)])}, "kl", 100, 0.95, 0)
    best = min(steps, key=lambda step: step.worst)
    return MinimaxMixture.of("gptq", find_languages(["en", "sw"]), steps, best, losses, {})


def texts(figure, path):
    save_figure(figure, path)
    root = ElementTree.fromstring(path.read_text("utf-8"))
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_step_has_a_row_with_its_worst_language(tmp_path):
    written = texts(plot_steps(found(UNIFORM, BETTER, BROKEN)), tmp_path / "steps.svg")
    assert {"1 uniform", "2 best", "3"} <= set(written)
    assert written.count("worst: English") == 2 and "broken: English" in written


def test_a_uniform_mixture_that_stays_the_best_is_called_both(tmp_path):
    written = texts(plot_steps(found(UNIFORM, Step((0.6, 0.4), (10, 6), (0.12, 0.05)))), tmp_path / "steps.svg")
    assert "1 uniform, best" in written


def test_every_language_has_its_rows_before_and_after(tmp_path):
    written = texts(plot_shares(found(UNIFORM, BETTER)), tmp_path / "shares.svg")
    assert {"English", "Swahili", "8 to 12 rows", "8 to 4 rows"} <= set(written)


def test_a_search_is_saved_whole(tmp_path):
    result = found(UNIFORM, BETTER)
    result.save(tmp_path / "search")
    names = {"minimax.json", "minimax.md", "steps.png", "shares.png"}
    assert {path.name for path in (tmp_path / "search").iterdir()} == names
    assert (tmp_path / "search" / "minimax.md").read_text("utf-8").strip().endswith(result.conclusion)
    result.save(tmp_path / "plain", plots=False)
    assert not list((tmp_path / "plain").glob("*.png"))


def test_a_search_in_which_all_is_broken_can_be_drawn(tmp_path):
    assert "broken: English" in texts(plot_steps(found(BROKEN)), tmp_path / "steps.svg")
