"""Languages are found from whatever people write, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.errors import ConfigError, LanguageError
from optimum_multilingual.known_languages import known_tags, two_letter_codes
from optimum_multilingual.languages import DOMAINS, Language, find_language, find_languages
from optimum_multilingual.presets import preset_names

WAYS_TO_WRITE = {
    "eng_Latn": ["en", "eng", "EN", "en-US", "en_US", "English", "english", " en ", "English (UK)", "English language"],
    "swh_Latn": ["sw", "swa", "swh", "swh_Latn", "sw-Latn", "SWH_LATN", "sw-KE", "Swahili", "SWAHILI", "Kiswahili"],
    "cmn_Hans": ["zh", "zho", "cmn", "cmn_Hans", "zho_Hans", "zh-CN", "Chinese", "Simplified Chinese", "中文"],
    "cmn_Hant": ["zh-Hant", "zho_Hant", "zh-TW", "zh-HK", "zh-MO", "Traditional Chinese", "Chinese (Traditional)"],
    "yue_Hant": ["yue", "zh-yue", "Cantonese", "yue_Hant"],
    "arb_Arab": ["ar", "ara", "arb", "Arabic", "العربية"],
    "arz_Arab": ["arz", "ar-arz", "Egyptian Arabic", "arz_Arab"],
    "acm_Arab": ["acm", "Mesopotamian Arabic"],
    "afb_Arab": ["afb", "Gulf Arabic"],
    "pes_Arab": ["fa", "fas", "per", "pes", "fa-IR", "Persian", "Farsi", "فارسی"],
    "prs_Arab": ["prs", "fa-AF", "Dari", "prs_Arab"],
    "tgl_Latn": ["tl", "tgl", "Tagalog", "tgl_Latn"],
    "fil_Latn": ["fil", "Filipino", "fil_Latn"],
    "zsm_Latn": ["ms", "msa", "may", "zsm", "Malay"],
    "ind_Latn": ["id", "in", "ind", "Indonesian"],
    "swc_Latn": ["swc", "sw-CD", "Congo Swahili"],
    "taq_Latn": ["taq", "Tamasheq", "taq_Latn"],
    "taq_Tfng": ["taq-Tfng", "Tamasheq (Tifinagh)", "taq_Tfng"],
    "oji_Cans": ["oj", "oji", "Ojibwa"],
    "cnr_Latn": ["cnr", "Montenegrin"],
    "ory_Orya": ["or", "ori", "Odia", "Oriya"],
    "urd_Arab": ["ur", "urd_Arab", "ur-Aran"],
    "pan_Arab": ["pa-Arab", "pa-PK"],
    "uzn_Cyrl": ["uz-Cyrl", "uzb_Cyrl"],
    "ayr_Latn": ["ay", "aym", "ayr_Latn"],
    "ase_Sgnw": ["ase", "sgn-US"],
    "tlh_Latn": ["tlh_Latn", "tlh-Latn"],
    "kor_Hang": ["ko", "kor_Hang", "kor_Kore", "Korean", "한국어"],
    "jpn_Jpan": ["ja", "jpn_Jpan", "日本語"],
    "heb_Hebr": ["he", "iw", "Hebrew"],
    "nob_Latn": ["no", "nb", "Norwegian"],
    "srp_Cyrl": ["sr", "Serbian"],
    "srp_Latn": ["sr-Latn", "Serbian (Latin)", "sr_Latn", "sh", "hbs", "Serbo-Croatian"],
    "kmr_Latn": ["ku", "kurdî (kurmancî)"],
    "ekk_Latn": ["et", "est_Latn", "Estonian"],
    "xho_Latn": ["xh", "Xhosa", "isiXhosa"],
}

SHORT_AND_NAME = {
    "swh_Latn": ("sw", "Swahili"),
    "cmn_Hans": ("zh", "Chinese"),
    "cmn_Hant": ("zh-Hant", "Chinese (Traditional)"),
    "srp_Latn": ("sr-Latn", "Serbian (Latin)"),
    "kor_Hang": ("ko", "Korean"),
    "arb_Arab": ("ar", "Arabic"),
    "prs_Arab": ("prs", "Dari"),
    "tgl_Latn": ("tl", "Tagalog"),
    "fil_Latn": ("fil", "Filipino"),
    "taq_Tfng": ("taq-Tfng", "Tamasheq (Tifinagh)"),
    "aka_Latn": ("ak", "Akan"),
    "twi_Latn": ("tw", "Twi"),
    "code_Zyyy": ("code", "Source code"),
    "math_Zmth": ("math", "Mathematics"),
    "yue_Hant": ("yue", "Cantonese"),
}

SCRIPT_IN_BRACKETS = {
    "Serbian (Latin)": "srp_Latn",
    "Arabic (Latin)": "arb_Latn",
    "Kashmiri (Devanagari)": "kas_Deva",
    "Acehnese (Arabic)": "ace_Arab",
}

WITH_A_COUNTRY = {
    "English (UK)": "eng_Latn",
    "Chinese (Taiwan)": "cmn_Hant",
    "Persian (Afghanistan)": "prs_Arab",
    "Portuguese (Brazil)": "por_Latn",
}

MISSPELT = {
    "Swahilli": "Swahili",
    "Englsh": "English",
    "Chines": "Chinese",
    "Deutch": "Deutsch",
    "Potuguese": "Portuguese",
    "Malayam": "Malayalam",
    "Germanish": "German",
}

# ISO 639-2 has a second, bibliographic code for these twenty.
BIBLIOGRAPHIC = {
    "alb": "sq", "arm": "hy", "baq": "eu", "bur": "my", "chi": "zh", "cze": "cs", "dut": "nl", "fre": "fr", "geo": "ka",
    "ger": "de", "gre": "el", "ice": "is", "mac": "mk", "mao": "mi", "may": "ms", "per": "fa", "rum": "ro", "slo": "sk",
    "tib": "bo", "wel": "cy",
}  # fmt: skip

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

# Valid codes that ISO 639 sets apart, and their English names.
NO_LANGUAGE = [
    *("und", "und_Latn", "mul", "zxx", "mis", "qaa", "qtz", "qaa_Latn", "x-private", "X-private"),
    *("Unknown language", "Multiple languages", "No linguistic content", "Uncoded languages"),
]

SAME_TWICE = [("sw", "swh_Latn"), ("zh", "cmn_Hans"), ("sw", "Kiswahili"), ("en", "en-GB"), ("no", "nb"), ("iw", "he")]


@pytest.mark.parametrize("tag", WAYS_TO_WRITE)
def test_every_way_to_write_a_language_finds_it(tag):
    assert {name: find_language(name).tag for name in WAYS_TO_WRITE[tag]} == dict.fromkeys(WAYS_TO_WRITE[tag], tag)


@pytest.mark.parametrize("tag", SHORT_AND_NAME)
def test_a_language_tells_its_tag_short_code_and_name(tag):
    language = find_language(tag)
    assert (language.tag, str(language)) == (tag, tag)
    assert (language.short, language.name) == SHORT_AND_NAME[tag]


@pytest.mark.parametrize("tag", SHORT_AND_NAME)
def test_tag_short_code_and_name_lead_back_to_the_language(tag):
    language = find_language(tag)
    assert [find_language(name) for name in (language.tag, language.short, language.name)] == [language] * 3


def test_every_two_letter_code_leads_back_from_its_tag_and_short_code():
    languages = [find_language(code) for code in two_letter_codes()]
    assert len(languages) > 150
    assert [each for each in languages if find_language(each.tag) != each or find_language(each.short) != each] == []


@given(st.sampled_from(known_tags()))
def test_every_known_language_leads_back_from_its_tag_and_short_code(tag):
    language = find_language(tag)
    assert language.tag == tag
    assert find_language(language.short) == find_language(str(language)) == language


@pytest.mark.parametrize(("code", "two_letters"), BIBLIOGRAPHIC.items())
def test_bibliographic_codes_are_understood(code, two_letters):
    assert find_language(code) == find_language(two_letters)


@pytest.mark.parametrize("code", DOMAINS)
def test_code_and_mathematics_stand_beside_languages(code):
    domain = find_language(code)
    assert domain.is_domain and not find_language("sw").is_domain
    assert {find_language(way) for way in (code.upper(), domain.tag, domain.short, domain.name)} == {domain}
    assert find_languages(["en", code])[1] == domain


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


@given(st.text(max_size=10) | st.from_regex(r"[a-zA-Z]{2,3}([-_][A-Za-z]{4})?([-_][A-Z]{2})?", fullmatch=True))
def test_any_text_is_a_language_that_keeps_its_tag_or_a_language_error(text):
    try:
        language = find_language(text)
    except LanguageError as error:
        assert repr(text) in str(error)
    else:
        assert find_language(language.tag) == language


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


@pytest.mark.parametrize(("name", "tag"), SCRIPT_IN_BRACKETS.items())
def test_a_script_in_brackets_is_never_overlooked(name, tag):
    assert find_language(name).tag == tag
    assert find_language(tag).name == name


@pytest.mark.parametrize(("name", "tag"), WITH_A_COUNTRY.items())
def test_a_country_in_brackets_is_never_overlooked(name, tag):
    assert find_language(name).tag == tag


@pytest.mark.parametrize("name", [None, 5, "", "  ", b"en", ["en"], {"en": 1}])
def test_what_is_no_name_at_all_is_refused(name):
    with pytest.raises(LanguageError, match="must be a name or a code such as 'sw'") as caught:
        find_language(name)
    assert repr(name) in str(caught.value)


def test_languages_keep_the_order_in_which_they_were_written():
    assert [language.short for language in find_languages(["zh", "Swahili", "eng_Latn"])] == ["zh", "sw", "en"]


def test_language_objects_are_taken_as_they_are():
    given_languages = (Language("swh", "Latn"), find_language("sr-Latn"))
    assert find_languages(given_languages) == given_languages


def test_one_language_in_two_scripts_is_two_languages():
    assert len(find_languages(["sr", "sr-Latn", "zh", "zh-Hant"])) == 4


@pytest.mark.parametrize(("first", "second"), SAME_TWICE)
def test_two_names_for_one_language_are_refused(first, second):
    language = find_language(first)
    with pytest.raises(LanguageError) as caught:
        find_languages(["fr", first, second])
    assert f"{first!r} and {second!r} are the same language, {language.name} ({language.tag})" in str(caught.value)
    assert "name each language once" in str(caught.value)


def test_a_language_object_and_its_name_are_the_same_language():
    with pytest.raises(LanguageError, match="'swh_Latn' and 'sw' are the same language"):
        find_languages([find_language("sw"), "sw"])


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
