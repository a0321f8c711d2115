"""``flythrough bench``: the cases that are asked for, as a table or as one JSON object."""

import json

import pytest
from click.testing import CliRunner

from cameras.errors import SettingsError
from render.bench import DEFAULT_CASES, BenchCase
from render.bench_cases import check_threads, choose_cases
from render.cli import cli

TINY = ["--gaussians", "300", "--size", "48x32", "--threads", "1"]


def test_cases_are_narrowed_and_replaced() -> None:
    assert choose_cases(DEFAULT_CASES, None, None, None) == DEFAULT_CASES
    assert {case.name for case in choose_cases(DEFAULT_CASES, "forward", None, None)} == {"forward"}
    assert choose_cases(DEFAULT_CASES, "forward", 777, "64x48") == (BenchCase("forward", 777, 64, 48),)
    assert len(choose_cases(DEFAULT_CASES, None, 777, "64x48")) == 3


@pytest.mark.parametrize(
    ("name", "gaussians", "size", "message"),
    [
        ("sideways", None, None, "--case should be one of forward, train_step, path_frame, but is 'sideways'"),
        (None, 0, None, "--gaussians should be from 1"),
        (None, None, "0x48", "--size should have sides from 1"),
        (None, None, "big", "--size should be WIDTHxHEIGHT"),
    ],
)
def test_impossible_cases_are_refused(name: str | None, gaussians: int | None, size: str | None, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        choose_cases(DEFAULT_CASES, name, gaussians, size)


def test_no_threads_are_refused() -> None:
    with pytest.raises(SettingsError, match="--threads should be 1 or more"):
        check_threads(0)


def test_json_is_one_object_on_standard_output() -> None:
    result = CliRunner().invoke(cli, ["bench", "--case", "forward", *TINY, "--json"], catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["threads"] == 1
    assert found["fma_peak_gflops"] > 0
    (case,) = found["cases"]
    assert (case["name"], case["gaussians"], case["width"], case["height"]) == ("forward", 300, 48, 32)
    assert case["ms_median"] > 0
    assert "numpy" in found["versions"]


def test_a_table_for_people() -> None:
    result = CliRunner().invoke(cli, ["bench", *TINY], catch_exceptions=False, env={"COLUMNS": "120"})
    assert "train_step" in result.stdout
    assert "path_frame" in result.stdout
    assert "Gflop/s of multiply-add" in result.stdout
