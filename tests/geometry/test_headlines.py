import pandas as pd

from emovec.geometry.headlines import headlines, language_name


def study(
    r: tuple[float, float], p: tuple[float, float], words: float = 0.4, energy: float = 0.02
) -> dict[str, pd.DataFrame]:
    """Tables of a study at layers 0 and 1; what is at layer 0 must never be told."""
    variants = ("raw", "standardised")
    rsa = [
        (v, layer, "en", "ja", method, value if layer else 0.01, q, q, 0.0, 0.09, 10_000)
        for v, value, q in zip(variants, r, p, strict=True)
        for layer in (0, 1)
        for method in ("pearson", "spearman")
    ]
    columns = ["variant", "layer", "language_a", "language_b", "method", "r", "p", "p_familywise", "null_mean"]
    pairs = [(a, b) for a in ("en", "ja") for b in ("en", "ja")]
    return {
        "rsa": pd.DataFrame(rsa, columns=[*columns, "null_95", "permutations"]),
        "crosslingual": pd.DataFrame(
            [(v, 1, "en", "ja", 29 / 30 - (v == "raw") / 3, 1.0, 1 / 30) for v in variants],
            columns=["variant", "layer", "language_a", "language_b", "retrieval_ab", "retrieval_ba", "chance"],
        ),
        "decoding": pd.DataFrame(
            [(v, 1, a, b, 0.9 if a == b else 0.7, 360, 1 / 30) for v in variants for a, b in pairs],
            columns=["variant", "layer", "train_language", "test_language", "accuracy", "n_stories", "chance"],
        ),
        "lexical": pd.DataFrame(
            [(f, a, a, words - (f == "word") / 10, 360, 1 / 30) for f in ("word", "character") for a in ("en", "ja")],
            columns=["features", "train_language", "test_language", "accuracy", "n_stories", "chance"],
        ),
        "outliers": pd.DataFrame(
            [("raw", language, 1, 1, 77, energy) for language in ("en", "ja")],
            columns=["variant", "language", "layer", "rank", "dimension", "energy_share"],
        ),
    }


def told(tables: dict[str, pd.DataFrame], summaries: dict | None = None) -> str:
    return " ".join(headlines(tables, summaries or {}, 1))


def test_numbers_are_those_of_the_layer() -> None:
    text = told(study((0.84, 0.87), (0.0001, 0.0001)), {"decoding": {"folds": "12 topics, each held out once"}})
    assert "English and Japanese arrange the emotions alike: at layer 1" in text
    assert "r = 0.84" in text
    assert "r = 0.87" in text
    assert "p = 0.0001" in text
    assert "10,000" in text
    assert "29 of 30" in text
    assert "30 of 30" in text
    assert "19 and 30 with the dimensions as they are" in text
    assert "90% (English) and 90% (Japanese)" in text
    assert "70% (English to Japanese)" in text
    assert "guessing gives 3%" in text
    assert "12 topics, each held out once" in text
    assert "0.01" not in text.replace("0.0001", "")


def test_no_agreement_is_said_plainly() -> None:
    assert "There is no evidence that English and Japanese" in told(study((0.05, 0.04), (0.4, 0.3)))
    assert "alike only once the dimensions are standardised" in told(study((0.1, 0.75), (0.2, 0.0001)))
    assert "alike only with the dimensions as they are" in told(study((0.7, 0.1), (0.0001, 0.2)))


def test_a_difference_between_raw_and_standardised_is_told() -> None:
    assert "changes the agreement between languages by up to 0.65" in told(study((0.1, 0.75), (0.2, 0.0001)))
    assert "hardly changes" in told(study((0.8, 0.82), (0.001, 0.001)))


def test_words_and_activations_are_weighed() -> None:
    assert "hold more than a count of words does." in told(study((0.8, 0.8), (0.1, 0.1), words=0.5))
    assert "doesn't show that the model reads more than words" in told(study((0.8, 0.8), (0.1, 0.1), words=0.95))


def test_a_massive_dimension_is_named() -> None:
    assert "40% in English (dimension 77)" in told(study((0.8, 0.8), (0.1, 0.1), energy=0.4))
    assert "No single dimension dominates" in told(study((0.8, 0.8), (0.1, 0.1)))


def test_one_language_and_missing_tables() -> None:
    tables = study((0.8, 0.8), (0.1, 0.1))
    tables["rsa"] = tables["rsa"][:0]
    text = told(tables, {"rsa": {"note": "The study has one language: there is nothing to compare it with."}})
    assert "not tested: the study has one language" in text
    assert headlines({}, {}, 0) == []


def test_languages_have_names() -> None:
    assert language_name("ja") == "Japanese"
    assert language_name("zh-Hant") == "Chinese-Hant"
    assert language_name("tlh") == "tlh"
