"""Flat rows: the numbers of the report under names that stay, in CSV and parquet."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from optimum_multilingual.report.rows import columns, flat_rows

# Released names. One that vanishes breaks somebody's notebook.
RELEASED_NAMES = """
language name script tier verdict documents tokens num_bytes num_characters
reference_nll reference_perplexity reference_bits_per_byte reference_bits_per_character reference_bits_per_document
quantized_nll quantized_perplexity quantized_bits_per_byte quantized_bits_per_character quantized_bits_per_document
nll_change nll_change_low nll_change_high bits_per_byte_change bits_per_byte_change_low bits_per_byte_change_high
relative_change relative_change_low relative_change_high
significance_error significance_p_value significance_p_adjusted significance_resolved
kl_mean kl_mean_low kl_mean_high kl_per_byte kl_per_byte_low kl_per_byte_high
kl_median kl_p90 kl_p95 kl_p99 kl_p999 kl_max
reverse_kl_mean reverse_kl_mean_low reverse_kl_mean_high reverse_kl_per_byte reverse_kl_per_byte_low
reverse_kl_per_byte_high reverse_kl_median reverse_kl_p90 reverse_kl_p95 reverse_kl_p99 reverse_kl_p999 reverse_kl_max
gold_mean gold_mean_low gold_mean_high gold_p001 gold_p01 gold_p05 gold_median gold_p95 gold_p99 gold_probability_rms
top1_agreement top1_agreement_low top1_agreement_high top5_overlap top5_overlap_low top5_overlap_high
collapse_threshold collapse_share collapse_documents
token_errors_reference_perplexity token_errors_quantized_perplexity token_errors_nll_change token_errors_kl
token_errors_top1_agreement
setting_model setting_revision setting_compared setting_method setting_bits setting_group_size setting_kernel
setting_dtype setting_device setting
evaluation_confidence evaluation_bootstrap_draws evaluation_seed evaluation_sequence_length evaluation_noise_floor
evaluation_corpus calibration_fingerprint schema_version
"""


@pytest.fixture
def report(measured_report):
    return measured_report({"en": 0.1, "sw": 0.3, "yo": math.nan}, {"group_size": None, "sym": True})


def test_columns_stay():
    assert set(RELEASED_NAMES.split()) <= set(columns())
    assert list(columns())[:5] == ["language", "name", "script", "tier", "verdict"]


def test_columns_are_documented(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "measures.md").read_text(encoding="utf-8")
    for name in columns():
        family = name.removesuffix("_low").removesuffix("_high")
        assert f"`{family}`" in text, name


def test_a_row_holds_every_number_of_its_language(report):
    row = flat_rows(report)[1]
    swahili = report["sw"]
    assert (row["language"], row["name"], row["script"], row["tier"]) == ("swh_Latn", "Swahili", "Latn", "low")
    assert row["verdict"] == "damaged"
    assert row["quantized_bits_per_document"] == swahili.quantized.bits_per_document
    assert row["relative_change_low"] == swahili.relative_change.low
    assert row["kl_mean_high"] == swahili.kl.mean.high and row["kl_p999"] == swahili.kl.p999
    assert row["gold_probability_rms"] == swahili.gold.probability_rms
    assert row["significance_p_adjusted"] == swahili.significance.p_adjusted
    assert row["collapse_documents"] == len(swahili.collapse.documents)
    assert row["setting_bits"] == 4.0 and row["setting_group_size"] is None
    assert json.loads(row["setting"])["sym"] is True


def test_what_is_not_finite_is_empty(report):
    row = flat_rows(report)[2]
    assert row["verdict"] == "broken" and row["quantized_nll"] is None and row["relative_change_low"] is None
    assert row["reference_nll"] == report["yo"].reference.nll


def test_bits_that_are_no_number_stay_in_the_setting(measured_report):
    row = flat_rows(measured_report({"en": 0.1}, {"bits": "mixed"}))[0]
    assert row["setting_bits"] is None and json.loads(row["setting"])["bits"] == "mixed"


def test_parquet_holds_the_rows(report, tmp_path: Path):
    report.save(tmp_path / "report.parquet")
    assert parquet.read_table(tmp_path / "report.parquet").to_pylist() == flat_rows(report)


def test_csv_holds_the_rows_to_the_last_digit(report, tmp_path: Path):
    report.save(tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    for written, row in zip(read, flat_rows(report), strict=True):
        assert list(written) == list(columns())
        for name, kind in columns().items():
            if row[name] is None:
                assert written[name] == ""
            elif kind is bool:
                assert written[name] == str(row[name]).lower()
            else:
                assert kind(written[name]) == row[name], name


def test_files_of_several_reports_can_be_put_together(measured_report, tmp_path: Path):
    measured_report({"en": 0.1}, {"revision": "abc", "group_size": 64}).save(tmp_path / "a.parquet")
    measured_report({"sw": 0.1}, {"bits": 3, "compared": "other"}).save(tmp_path / "b.parquet")
    tables = [parquet.read_table(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    together = pyarrow.concat_tables(tables)
    assert together.column("setting_bits").to_pylist() == [4.0, 3.0]
    assert together.column("setting_revision").to_pylist() == ["abc", None]
