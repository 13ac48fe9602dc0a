"""Languages are found from whatever people write, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.errors import LanguageError
from optimum_multilingual.known_languages import known_tags, two_letter_codes
from optimum_multilingual.languages import DOMAINS, Language, find_language, find_languages

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

# ISO 639-2 has a second, bibliographic code for these twenty.
BIBLIOGRAPHIC = {
    "alb": "sq", "arm": "hy", "baq": "eu", "bur": "my", "chi": "zh", "cze": "cs", "dut": "nl", "fre": "fr", "geo": "ka",
    "ger": "de", "gre": "el", "ice": "is", "mac": "mk", "mao": "mi", "may": "ms", "per": "fa", "rum": "ro", "slo": "sk",
    "tib": "bo", "wel": "cy",
}  # fmt: skip


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


@given(st.text(max_size=10) | st.from_regex(r"[a-zA-Z]{2,3}([-_][A-Za-z]{4})?([-_][A-Z]{2})?", fullmatch=True))
def test_any_text_is_a_language_that_keeps_its_tag_or_a_language_error(text):
    try:
        language = find_language(text)
    except LanguageError as error:
        assert repr(text) in str(error)
    else:
        assert find_language(language.tag) == language


@pytest.mark.parametrize(("name", "tag"), SCRIPT_IN_BRACKETS.items())
def test_a_script_in_brackets_is_never_overlooked(name, tag):
    assert find_language(name).tag == tag
    assert find_language(tag).name == name


@pytest.mark.parametrize(("name", "tag"), WITH_A_COUNTRY.items())
def test_a_country_in_brackets_is_never_overlooked(name, tag):
    assert find_language(name).tag == tag


def test_languages_keep_the_order_in_which_they_were_written():
    assert [language.short for language in find_languages(["zh", "Swahili", "eng_Latn"])] == ["zh", "sw", "en"]


def test_language_objects_are_taken_as_they_are():
    given_languages = (Language("swh", "Latn"), find_language("sr-Latn"))
    assert find_languages(given_languages) == given_languages


def test_one_language_in_two_scripts_is_two_languages():
    assert len(find_languages(["sr", "sr-Latn", "zh", "zh-Hant"])) == 4


def test_a_language_object_and_its_name_are_the_same_language():
    with pytest.raises(LanguageError, match="'swh_Latn' and 'sw' are the same language"):
        find_languages([find_language("sw"), "sw"])
