import numpy as np
import pandas as pd
import pytest

from emovec.config import parse_config
from emovec.languages.language_names import language_name
from emovec.report.sections.registry import headlines
from emovec.study.results import StudyTables


def study(
    r: tuple[float, float], p: tuple[float, float], words: float = 0.4, energy: float = 0.02, permutations: int = 10_000
) -> dict[str, pd.DataFrame]:
    """Tables of a study at layers 0 and 1; what is at layer 0 must never be told."""
    variants = ("raw", "standardised")
    rsa = [
        (v, layer, "en", "ja", method, value if layer else 0.01, q, q, 0.0, 0.09, permutations)
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
        ).assign(same_cosine=0.6, other_cosine=-0.02, p=0.0001),
        "decoding": pd.DataFrame(
            [(v, 1, a, b, 0.9 if a == b else 0.7, 360, 1 / 30) for v in variants for a, b in pairs],
            columns=["variant", "layer", "train_language", "test_language", "accuracy", "n_stories", "chance"],
        ).assign(low=0.85, high=0.94, low_crossed=0.8, high_crossed=0.95),
        "beyond_words": pd.DataFrame(
            [
                (1, choice, language, 0.9 - words, 0.001 if words < 0.8 or words > 0.94 else 0.3)
                for choice in ("none", "held out")
                for language in ("en", "ja")
            ],
            columns=["layer", "choice", "language", "difference", "p"],
        ).assign(low_crossed=0.9 - words - 0.04, high_crossed=0.9 - words + 0.04),
        "lexical": pd.DataFrame(
            [(f, a, a, words - (f == "word") / 10, 360, 1 / 30) for f in ("word", "character") for a in ("en", "ja")],
            columns=["features", "train_language", "test_language", "accuracy", "n_stories", "chance"],
        ),
        "outliers": pd.DataFrame(
            [
                (kind, variant, language, layer, rank, dimension + rank, share / rank * (variant == "raw"))
                for kind, dimension, shares in (
                    ("raw", 10, (0.5, 0.97)),
                    ("centred", 20, (0.31, 0.07)),
                    ("denoised", 30, (0.2, energy)),
                )
                for variant in variants
                for language in ("en", "ja")
                for layer, share in enumerate(shares)
                for rank in (1, 2)
            ],
            columns=["kind", "variant", "language", "layer", "rank", "dimension", "energy_share"],
        ),
    }


def told(tables: dict[str, pd.DataFrame], summaries: dict | None = None) -> str:
    analyses = {name: {"summary": summary} for name, summary in (summaries or {}).items()}
    analyses["choice"] = {"summary": {"layer": 1, **(summaries or {}).get("choice", {})}}
    config = parse_config({"model": "m", "languages": ["en", "ja"]}, "study.yaml")
    found = StudyTables(config, tables, {}, analyses, {}, None, {"stories": {}, "neutral": {}}, {})
    return " ".join(said for _, said in headlines(found)).replace("\u00a0", " ")


def test_numbers_are_those_of_the_layer() -> None:
    text = told(study((0.84, 0.87), (0.0001, 0.0001)), {"decoding": {"folds": "12 topics, each held out once"}})
    assert "English and Japanese arrange the emotions alike: at layer 1" in text
    assert "r = 0.84" in text
    assert "r = 0.87" in text
    assert "p = 0.0001" in text
    assert "10,000" in text
    assert "29 of 30" in text
    assert "30 of 30" in text
    assert "19 and 30 without standardising" in text
    assert ", and 0.70 from English to Japanese" in text
    assert "chance is 0.033" in text
    assert "a mean cosine of 0.60, other emotions of −0.02" in text
    assert "12 topics, each held out once" in text
    assert "r = 0.01" not in text


def test_no_agreement_is_said_plainly() -> None:
    assert "There is no evidence that English and Japanese" in told(study((0.05, 0.04), (0.4, 0.3)))
    assert "alike only once the dimensions are standardised" in told(study((0.1, 0.75), (0.2, 0.0001)))
    assert "alike only without standardising, which is exploratory" in told(study((0.7, 0.1), (0.0001, 0.2)))


def test_a_small_agreement_is_not_called_alike() -> None:
    for r in ((0.2, 0.3), (0.3, 0.8)):
        assert "English and Japanese arrange the emotions more alike than shuffled labels:" in told(
            study(r, (0.0001, 0.0001))
        )
    assert "more alike than shuffled labels only once" in told(study((0.1, 0.3), (0.2, 0.0001)))
    assert "emotions alike only once" in told(study((0.1, 0.7), (0.2, 0.0001)))


def test_few_permutations_are_no_evidence_either_way() -> None:
    text = told(study((0.8, 0.8), (0.05, 0.05), permutations=19))
    assert "can't be judged with 19 permutations, which allow no p below 0.050" in text
    assert "no evidence" not in text
    assert "arrange the emotions alike: at" in told(study((0.8, 0.8), (0.048, 0.048), permutations=20))


def test_a_difference_between_raw_and_standardised_is_told() -> None:
    assert "changes the agreement between languages by up to 0.65 in r" in told(study((0.1, 0.75), (0.2, 0.0001)))
    assert "hardly changes" in told(study((0.8, 0.82), (0.001, 0.001)))


def test_words_and_activations_are_weighed() -> None:
    much, little, less = (told(study((0.8, 0.8), (0.1, 0.1), words=words)) for words in (0.5, 0.87, 0.95))
    assert "In English the activations are 40.0 points above words" in much
    assert "(95 % interval for other topics and emotions 36.0 to 44.0, p = 0.001): better than word counts." in much
    assert much.count("): better than word counts") == 2
    assert "are 3.0 points above words" in little
    assert little.count("no better than word counts within the error") == 2
    assert "are 5.0 points below words (95 % interval for other topics and emotions −9.0 to −1.0" in less
    assert less.count("worse than word counts") == 2


def test_the_choice_of_layer_is_taken_out_of_the_comparison_with_words() -> None:
    tables = study((0.8, 0.8), (0.1, 0.1))
    tables["beyond_words"].loc[lambda t: t["choice"] == "held out", "difference"] = 0.123
    chosen, fixed = (told(tables, {"choice": {"by": by}}) for by in ("decoding", "settings"))
    assert "12.3 points above" in chosen
    assert "the layer was chosen without the stories that are decoded" in chosen
    assert "50.0 points above" in fixed
    assert "was chosen without" not in fixed


def test_accuracies_have_both_intervals() -> None:
    text = told(study((0.8, 0.8), (0.1, 0.1)))
    assert "0.90 in English (0.85 to 0.94 for other topics, 0.80 to 0.95 for other topics and emotions)" in text


def test_a_massive_dimension_is_named() -> None:
    text = told(study((0.8, 0.8), (0.1, 0.1)))
    assert "in English 97 % for the mean vectors (dimension 11), 7 % for the centred vectors (dimension 21)" in text
    assert "over all layers at most 31 % for the centred vectors (layer 0, dimension 21)" in text
    assert "2 % for the denoised vectors (dimension 31)" in text
    assert "no single dimension dominates" in text
    heavy = told(study((0.8, 0.8), (0.1, 0.1), energy=0.4))
    assert "40 % for the denoised vectors" in heavy
    assert "mostly reflect this one dimension" in heavy
    tables = study((0.8, 0.8), (0.1, 0.1))
    tables["outliers"] = tables["outliers"].query("kind != 'denoised'")
    assert "denoised" not in told(tables)


def test_a_study_without_tables_has_no_headlines() -> None:
    assert told({}) == ""


def test_languages_have_names() -> None:
    assert language_name("ja") == "Japanese"
    assert language_name("zh-Hant") == "Chinese-Hant"
    assert language_name("pt_BR") == "Portuguese_BR"
    assert language_name("tlh") == "tlh"
    assert language_name("tlh-x") == "tlh-x"


@pytest.mark.fault("F10", "F12")
def test_intervals_confounds_and_ratings_are_told_with_their_numbers() -> None:
    tables = study((0.84, 0.87), (0.0001, 0.0001))
    tables["intervals"] = pd.DataFrame(
        [(v, layer, "rsa", "en", "ja", 0.8 + layer / 100, 0.9) for v in ("raw", "standardised") for layer in (0, 1)],
        columns=["variant", "layer", "statistic", "language_a", "language_b", "low", "high"],
    ).assign(estimate=0.87, low_crossed=0.77, high_crossed=0.93)
    tables["ceiling"] = pd.DataFrame(
        [("standardised", 1, "en", "ja", 0.95)], columns=["variant", "layer", "language_a", "language_b", "ceiling"]
    )
    columns = ["variant", "layer", "language_a", "language_b", "given", "r_confound", "partial", "p_familywise"]
    rows = [("standardised", 1, "en", "ja", "words", 0.76, 0.7, 0.001)]
    tables["confounds"] = pd.DataFrame(
        [*rows, ("standardised", 1, "en", "ja", "all", np.nan, 0.58, 0.001)], columns=columns
    ).assign(partial_noise_free=0.71, p=0.001)
    columns = ["variant", "layer", "language", "source", "scale", "r", "low", "high", "p_familywise"]
    tables["affect"] = pd.DataFrame(
        [("standardised", 1, "en", "Glasgow2019", "valence", 0.79, 0.6, 0.9, 0.002)], columns=columns
    ).assign(ceiling=np.nan, n_emotions=20)
    text = told(tables)
    assert (
        "is r = 0.87, with 95 % intervals of 0.81 to 0.90 for other topics, 0.77 to 0.93 for other topics and" in text
    )
    assert "the average over other sets of as many" in text
    assert "would lie" not in text
    assert "it could be 0.95 at most" in text
    assert "agree with r = 0.76; beyond words" in text
    assert (
        "a partial r of 0.58 remains, 0.71 if corrected for how far it returns on other topics (p = 0.001, over" in text
    )
    rated = "valence with r = 0.79 in English (95 % interval 0.60 to 0.90, over all layers p = 0.002)"
    assert f"A regression that has not seen an emotion predicts how people rate it: {rated}." in text
    tables["confounds"]["p_familywise"] = 0.4
    assert "no agreement is left that chance would not give (partial r = 0.58, p = 0.001, over all layers p = 0.4)" in (
        told(tables)
    )


@pytest.mark.fault("F14")
@pytest.mark.parametrize(("r", "p"), [(-0.99, 0.01), (0.4, 0.06)])
def test_what_is_no_prediction_is_not_called_one(r: float, p: float) -> None:
    columns = ["variant", "layer", "language", "source", "scale", "r", "low", "high", "p_familywise"]
    table = pd.DataFrame([("raw", 1, "en", "Glasgow2019", "valence", r, -1.0, 0.5, p)], columns=columns)
    text = told({"affect": table.assign(ceiling=np.nan, n_emotions=20)})
    assert "predicts" not in text
    assert "no human rating is predicted beyond chance" in text
    assert f"valence with r = {r:.2f} in English".replace("-", "−") in text
