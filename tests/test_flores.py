"""Every code of FLORES and NLLB is a language of its own, in one resource tier."""

import pytest

from optimum_multilingual.flores import flores_data, flores_tags, flores_tiers, only_scripts
from optimum_multilingual.languages import find_language

# Names as Joshi et al. write them, and one of their classes.
JOSHI = {
    "Arabic": "high", "Mandarin": "high", "Persian": "high", "Basque": "high", "Korean": "high", "Serbian": "high",
    "Egyptian Arabic": "mid", "Malay": "mid", "Estonian": "mid", "Uzbek": "mid", "Tagalog": "mid", "Latvian": "mid",
    "Swahili": "low", "Yoruba": "low", "Telugu": "low", "Albanian": "low", "Norwegian": "low", "Zulu": "low",
}  # fmt: skip


def test_every_flores_tag_is_itself():
    assert [tag for tag in flores_tiers() if find_language(tag).tag != tag] == []


def test_every_flores_language_leads_back_from_its_short_code_and_its_name():
    languages = [find_language(tag) for tag in flores_tiers()]
    lost = [each for each in languages if {find_language(each.short), find_language(each.name)} != {each}]
    assert lost == []
    assert len({each.name for each in languages}) == len(languages)


def test_flores_200_and_nllb_have_204_codes_and_each_is_its_own_language():
    data = flores_data()
    came_later = {"brx_Deva", "chv_Cyrl", "dgo_Deva", "gom_Deva", "kaa_Latn", "ktu_Latn", "mhr_Cyrl", "mni_Mtei"}
    came_later |= {"myv_Cyrl", "nqo_Nkoo", "snd_Deva", "tyv_Cyrl", "zgh_Tfng", "fil_Latn"}
    in_both = set(data["flores_plus"]) - set(data["flores_200_renamed"].values()) - came_later
    codes = [*in_both, *data["flores_200_only"], *data["flores_200_renamed"]]
    assert len(codes) == 204
    assert len({find_language(code) for code in codes}) == 204


@pytest.mark.parametrize(("old", "new"), flores_data()["flores_200_renamed"].items())
def test_a_code_that_flores_renamed_is_found_under_its_new_one(old, new):
    assert find_language(old).tag == new


def test_the_tiers_divide_all_languages():
    tiers = [flores_tags(tier) for tier in ("high", "mid", "low")]
    assert [len(tags) for tags in tiers] == [26, 27, 160]
    assert sorted(tag for tags in tiers for tag in tags) == sorted(flores_data()["flores_plus"])


@pytest.mark.parametrize(("name", "tier"), JOSHI.items())
def test_tiers_are_those_of_joshi_and_others(name, tier):
    assert flores_tiers()[find_language(name).tag] == tier


def test_as_many_languages_are_high_and_mid_as_the_classes_name():
    classes = {number: len(names.split(", ")) for number, names in flores_data()["joshi_classes"].items()}
    assert (classes["5"], classes["4"], classes["3"]) == (7, 18, 28)
    assert len(flores_tags("high")) == 7 + 18 + 1  # Mandarin in two scripts
    assert len(flores_tags("mid")) == 28 - 1  # no Latin


def test_a_code_in_two_scripts_has_no_only_script():
    assert only_scripts()["acm"] == "Arab"
    assert not {"taq", "ace", "cmn", "arb"} & set(only_scripts())
