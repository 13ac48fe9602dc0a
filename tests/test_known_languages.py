"""The lists behind the search hold languages only, each found under its tag."""

from optimum_multilingual.flores import flores_tiers
from optimum_multilingual.known_languages import common_tags, known_tags, two_letter_codes
from optimum_multilingual.language_codes import groups


def test_lists_are_sorted_and_hold_each_other():
    assert list(known_tags()) == sorted(set(known_tags()))
    assert set(flores_tiers()) < set(common_tags()) < set(known_tags())
    assert len(known_tags()) > 1000


def test_two_letter_codes_are_current_codes_of_single_languages():
    codes = set(two_letter_codes())
    assert {"sw", "zh", "tl", "oj", "ie"} < codes
    assert not codes & {"iw", "in", "sh", "bh", "pi", "xx"}


def test_no_group_is_among_the_languages():
    assert not {tag.split("_")[0] for tag in known_tags()} & groups()
