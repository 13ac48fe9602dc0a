"""The HTML page: whole, self-contained, and with every language and number of the report."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import pytest

from optimum_multilingual import compare_reports

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, and notices what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.rows: list[list[tuple[str, dict]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(("", dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open[-1:] and {"td", "th"} & set(self.open):
            text, attributes = self.rows[-1][-1]
            self.rows[-1][-1] = (text + data, attributes)


@pytest.fixture(scope="module")
def report(measured_report):
    return measured_report({"en": 0.1, "sw": 0.3, "yo": math.nan, "am": 0.0}, {"model": "me/<script>alert(1)</script>"})


@pytest.fixture(scope="module")
def text(report):
    return report.to_html()


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_every_element_is_closed(page):
    assert page.open == []


def test_every_language_and_number_is_in_the_table(page, report):
    rows = {row[0][0]: [cell for cell, _ in row] for row in page.rows}
    for score in report.scores:
        cells = rows[f"{score.name} ({score.language})"]
        shown = [score.verdict, f"{score.tokens:,}", f"{score.reference.perplexity:.2f}", f"{score.kl.mean.value:.4f}"]
        shown += [f"{score.reference.bits_per_byte:.4f}", f"{score.kl.p99:.4f}", f"{score.top1_agreement.value:.1%}"]
        if score.verdict != "broken":
            change = score.relative_change
            shown += [f"{score.quantized.perplexity:.2f}", f"{score.quantized.bits_per_byte:.4f}"]
            shown += [f"{change.value:+.2%}", f"{change.low:+.2%} to {change.high:+.2%}"]
        assert set(shown) <= set(cells)
    languages = [row[0][0] for row in page.rows if row[0][0].endswith("n)") or row[0][0].endswith("i)")]
    assert languages == [f"{score.name} ({score.language})" for score in report.worst_first]


def test_tables_sort_by_the_numbers_behind_the_texts(page, report):
    row = next(row for row in page.rows if row[0][0].startswith("Swahili"))
    keys = {text: attributes.get("data-key") for text, attributes in row}
    assert float(keys[f"{report['sw'].relative_change.value:+.2%}"]) == report["sw"].relative_change.value
    broken = next(row for row in page.rows if row[0][0].startswith("Yoruba"))
    assert [attributes for text, attributes in broken if text == "not finite"] and all(
        "data-key" not in attributes for text, attributes in broken if text == "not finite"
    )


def test_groups_are_in_a_table_too(page, report):
    rows = {row[0][0]: [cell for cell, _ in row] for row in page.rows}
    for group in report.groups:
        name = "all" if group.kind == "all" else f"{group.kind} {group.name}"
        assert f"{group.relative_change.value:+.2%}" in rows[name]


def test_nothing_is_loaded_from_anywhere(page, text):
    loading = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}
    assert all(value.startswith("#") for _, name, value in page.attributes if name in loading)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)|fetch\(|XMLHttpRequest|import\(", text)
    policy = next(value for tag, name, value in page.attributes if tag == "meta" and "default-src" in (value or ""))
    assert policy.startswith("default-src 'none'")
    outside_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert "http:" not in outside_names and "https:" not in outside_names


def test_names_of_models_are_text_and_never_markup(text):
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text


def test_plots_are_inline_follow_the_theme_and_have_a_description(page, text):
    pictures = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(pictures) == 3
    assert "var(--loss)" in text and "prefers-color-scheme: dark" in text
    for colour in ("#1b1b1f", "#d55e00"):
        assert colour not in text[text.index("<svg") : text.rindex("</svg>")]


def test_ids_are_unique_and_references_lead_somewhere(page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids)) and ids
    for _, name, value in page.attributes:
        for target in re.findall(r"url\(#([^)]+)\)", value or "") + ([value[1:]] if name.endswith("href") else []):
            assert target in ids


def test_it_can_be_read_without_eyes_or_mouse(page):
    assert ("html", "lang", "en") in page.attributes
    assert sum(1 for tag, name, _ in page.attributes if tag == "div" and name == "tabindex") == 2
    headings = [attributes for row in page.rows for _, attributes in row if "scope" in attributes]
    assert {attributes["scope"] for attributes in headings} == {"col", "row"}
    assert all(cells[0][1].get("scope") for cells in page.rows)


def test_the_page_of_a_comparison_has_all_settings(report, measured_report):
    setting = {"model": report.setting["model"], "bits": 3}
    comparison = compare_reports([report, measured_report({"en": 0.4, "sw": 0.6}, setting)])
    page = Page(comparison.to_html())
    rows = {row[0][0]: [cell for cell, _ in row] for row in page.rows}
    for each in comparison.reports:
        assert f"{each['sw'].relative_change.value:+.2%}" in rows["Swahili (swh_Latn)"]
        assert f"{each['sw'].kl.mean.value:.4f}" in rows["Swahili (swh_Latn)"]
    assert "damaged *" in rows["Swahili (swh_Latn)"] and "not measured" in rows["Yoruba (yor_Latn)"]
    assert page.open == [] and any(tag == "svg" for tag, _, _ in page.attributes)
