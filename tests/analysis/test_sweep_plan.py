"""Plans of sweeps, and the published ones."""

import json

import pytest

from optimum_multilingual import MultilingualCalibrationConfig, SweepPlan, find_sweep
from optimum_multilingual.analysis.sweep_plan import sweep_names
from optimum_multilingual.errors import ConfigError, LanguageError

SMALL = {
    "settings": {"en": {"languages": ["en"], "num_rows": 4}, "noise": {"nonsense": "random-tokens", "num_rows": 4}},
    "quantizers": {"gptq": {"method": "gptq"}},
    "bits": [3, 4],
    "languages": ["en", "sw"],
}


def test_cells_are_all_combinations_with_those_of_one_set_together():
    cells = list(SweepPlan(**SMALL, seeds=[0, 1]).cells())
    assert len(cells) == len({cell.name for cell in cells}) == 2 * 2 * 2
    assert [cell.name for cell in cells[:2]] == ["en.gptq.3bit.seed0", "en.gptq.4bit.seed0"]


@pytest.mark.parametrize("name", sweep_names())
def test_published_plans_can_be_configured(name):
    plan = find_sweep(name)
    assert plan.source and plan.title
    for said in plan.settings.values():
        if "nonsense" not in said:
            MultilingualCalibrationConfig(**said)


def test_the_design_of_the_paper_is_eight_settings_two_quantizers_ten_languages():
    plan = find_sweep("beyond-english")
    assert (len(plan.settings), len(plan.quantizers), len(plan.languages)) == (8, 2, 10)
    assert plan.settings["multi10"]["num_rows"] == 128


def test_only_chooses_and_replaces_sizes():
    plan = find_sweep("beyond-english").only(
        ["fr", "multi"], ["gptq"], bits=[2], seeds=[5], languages=["en"], tokens_per_language=512, sequence_length=64
    )
    assert list(plan.settings) == ["fr", "multi"] and list(plan.quantizers) == ["gptq"]
    assert (plan.bits, plan.seeds, plan.languages) == ([2], [5], ("en",))
    assert plan.settings["fr"] == {"languages": ["fr"], "tokens_per_language": 512, "sequence_length": 64}


def test_a_plan_is_read_from_a_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(SMALL))
    assert SweepPlan.load(path) == SweepPlan(**SMALL)
    path.write_text(json.dumps({**SMALL, "speed": 3}))
    with pytest.raises(ConfigError, match="nothing but"):
        SweepPlan.load(path)
    with pytest.raises(ConfigError, match="no plan"):
        SweepPlan.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"settings": {}}, "one or more"),
        ({"bits": [4, 4]}, "each once"),
        ({"bits": ["4"]}, "bits must be a whole number"),
        ({"bits": 4}, r"bits of a sweep must be a list such as \[1, 2\], got 4"),
        ({"bits": "34"}, "bits of a sweep must be a list"),
        ({"bits": [[4]]}, "bits must be a whole number"),
        ({"bits": []}, "one or more"),
        ({"seeds": 0}, "seeds of a sweep must be a list"),
        ({"settings": ["en"]}, r"settings of a sweep must be a mapping of name to what it says, got \['en'\]"),
        ({"settings": {"a": ["en"]}}, r"setting 'a' of a sweep must be a mapping of .*languages.*, got \['en'\]"),
        ({"settings": {"a": {"published": 5}}}, "no published setting '5'"),
        ({"quantizers": ["gptq"]}, "quantizers of a sweep must be a mapping"),
        ({"quantizers": {"gptq": "gptq"}}, "quantizer 'gptq' of a sweep must be a mapping of method"),
        ({"settings": {"a/b": {}}}, "names a file"),
        ({"settings": {"a": {"rows": 3}}}, "cannot say rows"),
        ({"quantizers": {"gptq": {"bits": 4}}}, "cannot say bits"),
        ({"settings": {"a": {"published": "beyond-english/multi11"}}}, "Did you mean 'beyond-english/multi10'"),
    ],
)
def test_plans_that_cannot_work_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        SweepPlan(**{**SMALL, **change})


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="Did you mean 'beyond-english'"):
        find_sweep("beyond-englsh")
    with pytest.raises(ConfigError, match=r"no setting 'xx'; it has en, noise"):
        SweepPlan(**SMALL).only(settings=["xx"])
    with pytest.raises(LanguageError):
        SweepPlan(**{**SMALL, "languages": ["Swahilli"]})
