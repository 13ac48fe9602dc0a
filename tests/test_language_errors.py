"""What is no language, or would be a guess, is refused with what to write instead."""

import pytest

from optimum_multilingual.errors import ConfigError, LanguageError
from optimum_multilingual.languages import Language, find_language, find_languages
from optimum_multilingual.presets import preset_names

MISSPELT = {
    "Swahilli": "Swahili",
    "Englsh": "English",
    "Chines": "Chinese",
    "Deutch": "Deutsch",
    "Potuguese": "Portuguese",
    "Malayam": "Malayalam",
    "Germanish": "German",
}

GROUPS = {
    "cel": "Celtic",
    "sgn": "Sign",
    "roa": "Romance",
    "ber": "Berber",
    "bh": "Bihari",
    "Celtic languages": "Celtic",
}

# Languages whose script nobody has written down: a code, and what it stands for.
SCRIPT_UNKNOWN = {
    "aaa": "Ghotuo (aaa)",
    "ojb": "Northwestern Ojibwa (ojb)",
    "pi": "Pali (pli)",
    "Ghotuo": "Ghotuo (aaa)",
}

# Capitalised codes that are English names too: the language of the code, and the tag of the one with that name.
CODE_AND_NAME = {
    "Ga": ("Irish", "gaa_Latn"),
    "Mon": ("Mongolian", "mnw_Mymr"),
    "Yi": ("Yiddish", "iii_Yiii"),
    "Dan": ("Danish", "dnj_Latn"),
    "Ron": ("Romanian", "cla_Latn"),
    "Ho": ("Hiri Motu", "hoc_Deva"),
}

# Valid codes that ISO 639 sets apart, and their English names.
NO_LANGUAGE = [
    *("und", "und_Latn", "mul", "zxx", "mis", "qaa", "qtz", "qaa_Latn", "x-private", "X-private"),
    *("Unknown language", "Multiple languages", "No linguistic content", "Uncoded languages"),
]

SAME_TWICE = [("sw", "swh_Latn"), ("zh", "cmn_Hans"), ("sw", "Kiswahili"), ("en", "en-GB"), ("no", "nb"), ("iw", "he")]


@pytest.mark.parametrize(("name", "family"), GROUPS.items())
def test_a_group_of_languages_is_refused(name, family):
    with pytest.raises(LanguageError) as caught:
        find_language(name)
    assert f"{name!r} is a group of languages ({family} languages), not one language" in str(caught.value)
    assert "name those of it that you mean" in str(caught.value)


@pytest.mark.parametrize(("name", "language"), SCRIPT_UNKNOWN.items())
def test_a_script_is_never_guessed(name, language):
    with pytest.raises(LanguageError) as caught:
        find_language(name)
    code = language[-4:-1]
    assert f"{name!r} is {language}, and neither CLDR nor FLORES says in which script" in str(caught.value)
    assert f"write the script after the code as {code}_Xxxx, for example {code}_Latn" in str(caught.value)
    assert find_language(f"{code}_Latn") == Language(code, "Latn")


@pytest.mark.parametrize(("name", "language", "other"), [(name, *two) for name, two in CODE_AND_NAME.items()])
def test_a_capitalised_code_that_is_the_name_of_another_language_is_refused_with_both(name, language, other):
    with pytest.raises(LanguageError) as caught:
        find_language(name)
    called, code = find_language(other).name, name.lower()
    assert f"{name!r} may be {language}, whose code is {code!r}, or {called}, which English calls so" in str(
        caught.value
    )
    assert f"write {code!r} for {language} and {other!r} for {called}" in str(caught.value)
    assert find_language(code) == find_language(code.upper()) == find_language(language)


@pytest.mark.parametrize(
    ("name", "tag"), {"Fra": "fra_Latn", "En": "eng_Latn", "So": "som_Latn", "Gaa": "gaa_Latn"}.items()
)
def test_a_capitalised_code_that_is_no_name_of_a_known_language_stays_a_code(name, tag):
    assert find_language(name).tag == tag


def test_auto_is_no_language_but_those_on_a_card():
    with pytest.raises(LanguageError) as caught:
        find_languages(["en", "auto"])
    assert "No language is called 'auto'; it is the name of a list of languages, those on a model's card" in str(
        caught.value
    )
    assert "from_pretrained, evaluate_checkpoints and the commands fill it in; elsewhere name" in str(caught.value)


@pytest.mark.parametrize("name", preset_names())
def test_the_name_of_a_list_is_no_language(name):
    with pytest.raises(LanguageError) as caught:
        find_language(name)
    assert f"No language is called {name!r}; it is the name of a list of languages" in str(caught.value)
    assert f"Give it as languages={name!r}" in str(caught.value)


@pytest.mark.parametrize(("misspelt", "meant"), MISSPELT.items())
def test_a_misspelt_language_is_refused_with_the_nearest_name(misspelt, meant):
    with pytest.raises(LanguageError) as caught:
        find_language(misspelt)
    message = str(caught.value)
    assert f"No language is called {misspelt!r}. Did you mean {meant!r}" in message
    assert "'swh_Latn'" in message
    assert "optimum-cli multilingual languages --search" in message


@pytest.mark.parametrize(
    "name",
    [
        *("xx", "zz", "test", "README", "12", "-", "Latn", "sw-", "swh_Xyzz", "sw\x00", "\x00\x80\x80", "\ud800"),
        *("eng_Zxxx", "swh_Zyyy", "sgn-ase-bfi", "code_Latn", "math_Zyyy"),
        *(
            "Serbian (cursive)",
            "Serbian (Latn)",
            "English notes",
            "Swahilix",
            "salamandra",
            "english_train",
            "()",
            "language",
        ),
    ],
)
def test_what_names_no_language_is_refused(name):
    with pytest.raises(LanguageError, match="No language is called") as caught:
        find_language(name)
    assert repr(name) in str(caught.value)
    assert "Write a code ('sw'" in str(caught.value)


@pytest.mark.parametrize("name", NO_LANGUAGE)
def test_codes_set_apart_for_no_language_are_refused(name):
    with pytest.raises(LanguageError, match=f"No language is called '{name}'.*Write a code"):
        find_language(name)


@pytest.mark.parametrize("name", [None, 5, "", "  ", b"en", ["en"], {"en": 1}])
def test_what_is_no_name_at_all_is_refused(name):
    with pytest.raises(LanguageError, match="must be a name or a code such as 'sw'") as caught:
        find_language(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(("first", "second"), SAME_TWICE)
def test_two_names_for_one_language_are_refused(first, second):
    language = find_language(first)
    with pytest.raises(LanguageError) as caught:
        find_languages(["fr", first, second])
    assert f"{first!r} and {second!r} are the same language, {language.name} ({language.tag})" in str(caught.value)
    assert "name each language once" in str(caught.value)


def test_an_empty_list_of_languages_is_refused():
    with pytest.raises(LanguageError, match=r"list of languages is empty; name at least one.*languages="):
        find_languages([])


@pytest.mark.parametrize("names", ["en", "en,sw", None, 5])
def test_anything_but_a_list_of_languages_is_refused(names):
    with pytest.raises(LanguageError, match=r"must be a list such as \['en', 'sw'\]") as caught:
        find_languages(names)
    assert repr(names) in str(caught.value)


def test_one_unknown_language_among_good_ones_is_named():
    with pytest.raises(LanguageError, match=r"'Swahilli'.*Did you mean 'Swahili'"):
        find_languages(["en", "Swahilli", "zh"])


def test_a_language_error_can_be_caught_as_config_error_and_value_error():
    assert issubclass(LanguageError, ConfigError)
    assert issubclass(LanguageError, ValueError)
