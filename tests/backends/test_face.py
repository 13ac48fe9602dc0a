"""The face all engines share: how a method finds its engine, and what is refused before any engine is imported."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from optimum_multilingual import MultilingualCalibrationConfig
from optimum_multilingual.backends import all_capabilities, find_backend
from optimum_multilingual.backends.method_options import Choice, ModuleNames, Number, Option, read_options
from optimum_multilingual.errors import ConfigError, MissingPackageError

tomllib = pytest.importorskip("tomllib")  # of Python 3.11
PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EVERY = pytest.mark.parametrize("capability", all_capabilities(), ids=lambda each: f"{each.method}-{each.engine}")


def config(method="gptq", **settings):
    return MultilingualCalibrationConfig(method, languages=["en", "sw"], **settings)


def test_a_method_of_several_engines_is_done_by_the_first_where_none_is_named():
    backend = find_backend(config())
    assert (backend.capability.method, backend.capability.engine) == ("gptq", "optimum")
    assert find_backend(config("GPTQ", engine="Optimum")).capability == backend.capability


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "gtpq"}, ["'gtpq'", "Did you mean 'gptq'"]),
        ({"engine": "marlin"}, ["'gptq' is not done by engine='marlin'", "optimum"]),
        ({"bits": 5}, ["'gptq' by optimum", "bits=5", "2, 3, 4, 8"]),
        ({"group_size": 100}, ["group_size=100", "-1, 16, 32"]),
        ({"method_options": {"smoothing": 1}}, ["no option 'smoothing'", "it has no options"]),
    ],
)
def test_what_no_engine_does_is_refused_with_what_there_is(settings, words):
    with pytest.raises(ConfigError) as refusal:
        find_backend(config(**settings))
    assert [word for word in words if word not in str(refusal.value)] == []


@EVERY
def test_a_package_that_is_missing_or_of_another_version_gives_the_pip_line(capability):
    name = Requirement(capability.packages[0]).name
    for packages, problem in [
        (("no-such-package>=1",), "no-such-package>=1, which is not installed"),
        ((f"{name}<0.0.1",), f"{name}<0.0.1, and {version(name)} is installed"),
    ]:
        with pytest.raises(MissingPackageError) as refusal:
            replace(capability, packages=packages).require_packages()
        assert problem in str(refusal.value)
        assert str(refusal.value).endswith(f'pip install "optimum-multilingual[{capability.extra}]"')


@EVERY
def test_the_extra_of_a_method_installs_what_the_method_needs(capability):
    offered = {*PYPROJECT["optional-dependencies"][capability.extra], *PYPROJECT["dependencies"]}
    assert set(capability.packages) <= offered


@EVERY
def test_what_is_said_of_a_method_holds_together(capability):
    assert capability.method == capability.method.lower() and capability.engine == capability.engine.lower()
    assert capability.balance.endswith(".") and capability.title and capability.bits
    assert bool(capability.formats) != bool(capability.unsaved)
    assert capability.default_bits in capability.bits or (capability.default_bits is None and len(capability.bits) == 1)
    assert capability.default_group_size in capability.group_sizes or not capability.group_sizes
    assert all(option.default is None or option.allowed.allows(option.default) for option in capability.options)


def test_no_engine_does_a_method_twice():
    pairs = [(each.method, each.engine) for each in all_capabilities()]
    assert len(pairs) == len(set(pairs))


OPTIONS = (
    Option("strength", 0.8, Number(0, 1), "how much"),
    Option("steps", 20, Number(1, whole=True), "how often"),
    Option("double", False, Choice((True, False)), "whether twice"),
    Option("keep", (), ModuleNames(), "what to leave"),
)


def test_options_are_as_given_or_by_default():
    assert read_options("it", OPTIONS, {"steps": 3, "keep": ["lm_head"]}) == {
        "strength": 0.8,
        "steps": 3,
        "double": False,
        "keep": ["lm_head"],
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strenght": 1}, "it has no option 'strenght'; it has double, keep, steps, strength"),
        ({"strength": 1.5}, "strength=1.5; strength must be a number from 0 to 1"),
        ({"strength": True}, "strength=True"),
        ({"strength": float("nan")}, "strength=nan"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1"),
        ({"double": 1}, "double=1; double must be True or False"),
        ({"keep": "lm_head"}, "keep='lm_head'; keep must be a list of names of modules"),
    ],
)
def test_an_option_that_cannot_work_is_refused_with_what_it_may_be(given, words):
    with pytest.raises(ConfigError) as refusal:
        read_options("it", OPTIONS, given)
    assert words in str(refusal.value)
