"""Scripts of languages."""

import pytest

from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.languages.language import MIN_SHARE
from emovec.languages.script import script_share

SAMPLES = {
    "en": "The kettle sang.",
    "vi": "Trời đã tối rồi.",
    "ru": "Чайник закипел.",
    "ja": "雨が降り続いていました。コーヒーを飲む。",
    "zh": "雨一直在下。",
    "ko": "비가 계속 내렸다.",
    "ar": "كان المطر يهطل",
    "hi": "बारिश होती रही।",
    "th": "ฝนตกไม่หยุด",
    "el": "Έβρεχε συνέχεια",
    "he": "הגשם לא פסק",
}


@pytest.mark.parametrize("language", SAMPLES)
def test_only_the_own_script_passes(language: str) -> None:
    for other, text in SAMPLES.items():
        share = script_share(text, language)
        assert share is not None
        latin = {"en", "vi"}
        assert (share >= MIN_SHARE) == (other == language or {other, language} <= latin), (language, other)


def test_japanese_needs_kana_and_chinese_bears_none() -> None:
    assert script_share("天地玄黄宇宙洪荒", "ja") == 0
    assert (script_share(SAMPLES["ja"], "zh") or 0) < MIN_SHARE


def test_share_counts_letters_only() -> None:
    assert script_share("abc дef 1234 …!", "en") == pytest.approx(5 / 6)
    assert script_share("123 …", "en") == 0
    assert script_share("ｆｕｌｌ", "en") == 1


def test_unknown_languages_are_not_judged() -> None:
    assert script_share("abc", "tlh") is None
    assert script_share("abc", "sr") is None
    assert script_share("abc", "ru-Latn") is None
    assert script_share("abc", "pt-BR") == 1


def test_the_bundled_corpus_is_in_its_scripts() -> None:
    texts = [*bundled_stories(), *bundled_stories("literary"), *bundled_stories("controlled"), *bundled_neutral()]
    assert min(script_share(s.text, s.language) or 0 for s in texts) > 0.85
