"""Plots: real renders, with every language and number in them, nothing cut off, and a clear word without matplotlib."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from optimum_multilingual import compare_reports
from optimum_multilingual.errors import ConfigError, MissingPackageError
from optimum_multilingual.flores import flores_tiers
from optimum_multilingual.languages import find_language
from optimum_multilingual.report.canvas import printable
from optimum_multilingual.report.output_files import PLOTS

CHANGES = {"en": 0.1, "sw": 0.3, "yo": math.nan, "am": 0.0, "ja": -0.2}
NAMES = ["English", "Swahili", "Yoruba", "Amharic", "Japanese"]


@pytest.fixture(scope="module")
def report(measured_report):
    return measured_report(CHANGES)


@pytest.fixture(scope="module")
def report_of_many(measured_report):
    tags = list(flores_tiers())[:100]
    return measured_report({tag: 0.01 * place for place, tag in enumerate(tags)})


def texts_of(path: Path) -> list[str]:
    root = ElementTree.fromstring(path.read_text("utf-8"))
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("plot", PLOTS)
def test_an_svg_names_every_language(report, plot, tmp_path):
    report.save(tmp_path / "plot.svg", plot=plot)
    texts = texts_of(tmp_path / "plot.svg")
    assert set(NAMES) <= set(texts)
    assert any("me/model" in text for text in texts)


def test_damage_shows_every_number_and_verdict_worst_first(report, tmp_path):
    report.save(tmp_path / "plot.svg")
    texts = texts_of(tmp_path / "plot.svg")
    assert [text for text in texts if text in NAMES] == [score.name for score in report.worst_first]
    for score in report.scores:
        label = "broken" if score.verdict == "broken" else f"{score.relative_change.value:+.2%} {score.verdict}"
        assert label in texts
    assert {"damaged", "improved", "unresolved", "broken"} <= set(texts)


def test_models_and_divergence_show_their_numbers(report, tmp_path):
    report.save(tmp_path / "models.svg", plot="models")
    report.save(tmp_path / "divergence.svg", plot="divergence")
    swahili = report["sw"]
    both = f"{swahili.reference.bits_per_byte:.3f} to {swahili.quantized.bits_per_byte:.3f}"
    assert both in texts_of(tmp_path / "models.svg")
    assert f"{report['yo'].reference.bits_per_byte:.3f} to broken" in texts_of(tmp_path / "models.svg")
    assert f"mean {swahili.kl.mean.value:.4f}" in texts_of(tmp_path / "divergence.svg")
    assert {"0.1", "1"} <= set(texts_of(tmp_path / "divergence.svg"))  # plain numbers, no formulas


def test_a_heat_map_has_a_number_for_each_language_and_setting(report, measured_report, tmp_path):
    other = measured_report({"en": 0.4, "sw": 0.5}, {"bits": 3})
    compare_reports([report, other]).save(tmp_path / "map.svg")
    texts = texts_of(tmp_path / "map.svg")
    assert {"bits 3", "bits 4", "broken", f"({report['am'].relative_change.value:+.2%})"} <= set(texts)
    for each in (report, other):
        assert f"{each['sw'].relative_change.value:+.2%}" in texts


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("languages", [1, 5, 100])
def test_nothing_is_cut_off(report, report_of_many, measured_report, plot, languages):
    shown = {1: measured_report({"en": 0.1}), 5: report, 100: report_of_many}[languages]
    figure = shown.plot(plot)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, page = figure.get_tightbbox(canvas.get_renderer()), figure.get_size_inches()
    assert drawn.x0 >= 0 and drawn.y0 >= 0 and drawn.x1 <= page[0] and drawn.y1 <= page[1]
    # Names stand under each other with room between them.
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert len(boxes) == len(shown.scores)
    assert all(above.y0 >= below.y1 for above, below in pairwise(boxes))


def test_a_png_is_a_picture_on_white(report, tmp_path):
    report.save(tmp_path / "plot.png")
    pixels = imread(tmp_path / "plot.png")
    assert pixels.shape[1] == 1275 and pixels.shape[0] > 300
    assert np.all(pixels[0, 0] == 1) and len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_report_gives_the_same_file(report, ending, tmp_path):
    for name in "ab":
        report.save(tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_letters_that_the_font_lacks_are_no_boxes(measured_report, tmp_path):
    report = measured_report({"zh": 0.1, "am": 0.1, "my": 0.1}, {"model": "我/模型 $x_1$"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of every glyph it draws as a box
        for plot in PLOTS:
            report.save(tmp_path / "plot.png", plot=plot)
            report.save(tmp_path / "plot.svg", plot=plot)
    assert any("?/?? $x_1$" in text for text in texts_of(tmp_path / "plot.svg"))
    names = [find_language(tag).name for tag in flores_tiers()]
    assert [printable(name) for name in names] == names


def test_one_language_far_worse_than_all_others_makes_the_axis_logarithmic(measured_report):
    with_one = measured_report({"en": 0.1, "sw": 0.12, "fr": 0.11, "yo": 50.0}).plot()
    assert with_one.axes[0].get_xscale() == "symlog" and "logarithmic beyond" in with_one.axes[0].get_xlabel()
    assert with_one.axes[0].get_xticks().tolist() == [0, 0.1, 1, 10]
    assert measured_report({"en": 0.1, "sw": 0.3}).plot().axes[0].get_xscale() == "linear"


def test_a_users_matplotlib_is_left_as_it_is(report):
    import matplotlib

    def settings():
        return {
            key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != "backend"
        }  # found on first sight

    matplotlib.rcParams["font.size"] = 17
    before = settings()
    report.plot("damage")
    assert settings() == before
    matplotlib.rcdefaults()


def test_an_unknown_plot_is_refused(report):
    with pytest.raises(ConfigError, match="No plot is called 'pie'; there are damage, models, divergence, heat-map"):
        report.plot("pie")


# A directory with this in front of the path stands for an installation without the extra.
ABSENT = "raise ModuleNotFoundError(\"No module named 'matplotlib'\", name='matplotlib')"


def test_without_matplotlib_plots_say_what_to_install_and_everything_else_works(report, tmp_path):
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "matplotlib.py").write_text(ABSENT)
    report.save(tmp_path / "report.json")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path / "absent")!r})
from optimum_multilingual import MultilingualReport
from optimum_multilingual.errors import MissingPackageError
report = MultilingualReport.load({str(tmp_path / "report.json")!r})
for ending in ("json", "md", "csv", "parquet", "html"):
    report.save({str(tmp_path)!r} + "/written." + ending)
try:
    report.save({str(tmp_path)!r} + "/written.png")
except MissingPackageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 'pip install "optimum-multilingual[plots]"' in done.stdout
    assert not (tmp_path / "written.png").exists()
    page = (tmp_path / "written.html").read_text("utf-8")
    assert "optimum-multilingual[plots]" in page and "<svg" not in page and "Swahili" in page
    assert re.search("Plots need matplotlib", page)


def test_the_error_is_an_import_error_too():
    assert issubclass(MissingPackageError, ImportError)
