"""`trace`: how far each token of a text lies along emotion vectors, against tokens of neutral texts."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from emovec.activations.tokens import token_states
from emovec.corpus.bundled import BUNDLED_LANGUAGES, bundled_neutral
from emovec.errors import EmovecError
from emovec.languages.language import MIN_SHARE
from emovec.languages.language_names import language_name
from emovec.languages.script import script_share
from emovec.models.language_model import LanguageModel
from emovec.steering.projections import project, sink_threshold
from emovec.vectors.choosing import require_name
from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)

NEUTRAL_TEXTS = 4
"""How many bundled dialogues the scores are measured against."""

Baseline = Literal["neutral", "text"] | Sequence[str]


def trace(
    model: LanguageModel,
    vectors: EmotionVectors | str | Path,
    text: str,
    *,
    emotions: Sequence[str] | None = None,
    language: str | None = None,
    layers: Sequence[int] | None = None,
    baseline: Baseline = "neutral",
    variant: str | None = None,
) -> xr.DataArray:
    """Project every token of a text onto emotion vectors.

    A score is the projection less its mean over the tokens of neutral texts, in standard deviations over those tokens,
    for each emotion and layer. The projection is that of `project`: onto unit vectors, with each dimension divided by
    its standard deviation over stories where that is known.

    Args:
        model: the model that the vectors are of.
        vectors: the vectors, their file, or the folder of a study.
        text: any text.
        emotions: which ones, in the order wanted; by default all.
        language: whose vectors; by default those in whose script the text is written, else the first.
        layers: 0-based blocks; by default all that have vectors.
        baseline: `neutral`: a few bundled dialogues in the text's language (English, Japanese, Chinese, Spanish or
            German; of languages in one script, that of the vectors; for other scripts the text itself); `text`: the
            text's own tokens; or neutral texts of your own.
        variant: `raw` or `standardised`; by default the second where `story_std` is known.

    Returns:
        [emotion, layer, token] float64, the text's own tokens alone. Coordinates on token: `token_text`, and `piece`,
        the number of the piece of the text that a token belongs to, with its text `piece_text`: tokens that split a
        character share one. Coordinate `sink` [layer, token]: attention sinks, which no mean should hold. Attributes:
        model, language, variant, baseline.

    Raises:
        EmovecError: if the vectors are of another model, an emotion, language or layer is unknown, or the text has no
            tokens or too many.
    """
    if not isinstance(vectors, EmotionVectors):
        vectors = open_vectors(vectors)
    vectors.require_fit(model)
    language = _language(vectors, language, text)
    emotions = known_emotions(vectors, emotions)
    layers = _known_layers(vectors, layers)
    variant = variant or vectors.variants[-1]

    def read(some: str) -> xr.DataArray:
        states = _own_states(model, some, layers)
        found = project(states, vectors, language, variant).sel(emotion=list(emotions))
        return found.assign_coords(sink=(("layer", "token"), _sinks(states, sink_threshold(vectors))))

    own = read(text)
    neutral, said = _neutral_texts(model, text, baseline, language)
    against = xr.concat([read(some) for some in neutral], "token") if neutral else own
    against = against.where(~against["sink"])
    deviation = against.std("token")
    found = (own - against.mean("token")) / deviation.where(deviation > 0, 1.0)
    found = found.assign_coords(_token_coordinates(model, text))
    found.attrs = {"model": model.id, "language": language, "variant": variant, "baseline": said, "text": text}
    return found.drop_vars("own", errors="ignore").transpose("emotion", "layer", "token").rename("trace")


def _token_coordinates(model: LanguageModel, text: str) -> dict[str, tuple[str, list[Any]]]:
    pieces, texts = text_pieces(model, text)
    return {
        "token_text": ("token", model.token_texts(model.text_token_ids(text))),
        "piece": ("token", pieces),
        "piece_text": ("token", [texts[piece] for piece in pieces]),
    }


def _sinks(states: xr.DataArray, threshold: float | None) -> np.ndarray:
    """[layer, token]: which tokens of [layer, token, hidden] are longer than so many times their text's median."""
    norms = np.linalg.norm(states.values.astype(np.float64), axis=-1)
    if threshold is None:
        return np.zeros(norms.shape, bool)
    return norms > threshold * np.median(norms, axis=1, keepdims=True)


def open_vectors(path: str | Path) -> EmotionVectors:
    """The vectors of a file, or of a study's folder."""
    path = Path(path)
    return EmotionVectors.load(path / "vectors.safetensors" if path.is_dir() else path)


def by_piece(traced: xr.DataArray) -> xr.DataArray:
    """[emotion, layer, piece]: a trace with the tokens that split a character averaged into one piece.

    A piece that is an attention sink at a layer has no score there (NaN): its size says nothing of an emotion.
    """
    scored = traced.where(~traced["sink"])
    mean = scored.drop_vars(["sink", "token_text", "piece_text"]).groupby("piece").mean()
    first = np.unique(traced["piece"].values, return_index=True)[1]
    texts = traced["piece_text"].values[first]
    return mean.assign_coords(piece_text=("piece", texts)).transpose("emotion", "layer", "piece")


def token_means(traced: xr.DataArray) -> xr.DataArray:
    """[emotion, layer]: the mean score over the tokens that are no sinks."""
    return traced.where(~traced["sink"]).mean("token")


def strongest(traced: xr.DataArray, layer: int, n: int) -> list[str]:
    """The emotions with the highest mean score over the tokens at a layer that are no sinks, highest first."""
    means = token_means(traced).sel(layer=layer)
    order = np.argsort(-means.values, kind="stable")
    return [str(traced["emotion"].values[i]) for i in order[:n]]


def text_pieces(model: LanguageModel, text: str) -> tuple[list[int], list[str]]:
    """The piece of the text that each token belongs to, and the pieces, which joined give the text.

    Tokens whose characters overlap, since each holds some bytes of one, are one piece.
    """
    if not getattr(model.tokenizer.tokenizer, "is_fast", False):  # without offsets, a token is what it reads as
        ids = model.text_token_ids(text)
        return list(range(len(ids))), model.token_texts(ids)
    _, spans = model.tokenizer.text_spans(text)
    numbers: list[int] = []
    ends: list[int] = []
    for start, end in spans:
        if not ends or (start >= ends[-1] and end > ends[-1]):
            ends.append(end)
        else:
            ends[-1] = max(ends[-1], end)
        numbers.append(len(ends) - 1)
    ends[-1] = len(text)
    return numbers, [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _own_states(model: LanguageModel, text: str, layers: Sequence[int]) -> xr.DataArray:
    """[layer, token, hidden] of the text's own tokens."""
    (encoded,) = model.tokenizer.encode([text])
    if not encoded.n_own:
        raise EmovecError("trace: the text has no tokens; give some text.")
    if model.max_tokens is not None and len(encoded.ids) > model.max_tokens:
        raise EmovecError(
            f"trace: the text has {len(encoded.ids)} tokens; {model.id} reads at most {model.max_tokens}."
        )
    states = token_states(model, text, layers)
    return states.isel(token=np.flatnonzero(states["own"].values)).drop_vars("token_text")


def _neutral_texts(model: LanguageModel, text: str, baseline: Baseline, language: str) -> tuple[list[str], str]:
    """The texts to measure against (none: the text itself), and what they are."""
    if baseline == "text":
        return [], "the text's own tokens"
    if not isinstance(baseline, str):
        if not baseline:
            raise EmovecError("trace: no neutral texts are given; give some, or 'neutral' or 'text'.")
        return list(baseline), f"the tokens of {len(baseline)} neutral texts of your own"
    if baseline != "neutral":
        raise EmovecError(f"trace: '{baseline}' is no baseline; give 'neutral', 'text', or neutral texts.")
    # Its script doesn't tell German from English: of those that fit alike, the vectors' language comes first.
    order = sorted(BUNDLED_LANGUAGES, key=lambda code: code != language)
    shares = {code: script_share(text, code) or 0.0 for code in order}
    code = max(shares, key=lambda name: shares[name])
    if shares[code] >= MIN_SHARE:
        stories = bundled_neutral([code])
        fitting = [
            story.text
            for story in stories[:: max(1, len(stories) // NEUTRAL_TEXTS)][:NEUTRAL_TEXTS]
            if model.max_tokens is None or len(model.tokenizer.encode([story.text])[0].ids) <= model.max_tokens
        ]
        if fitting:
            return fitting, f"the tokens of {len(fitting)} neutral {language_name(code)} texts"
    log.info("There are no neutral texts for this text: scores are against its own tokens")
    return [], "the text's own tokens"


def _language(vectors: EmotionVectors, asked: str | None, text: str) -> str:
    if asked is None:
        return max(vectors.languages, key=lambda code: script_share(text, code) or 0.0)
    return require_name("language", asked, vectors.languages)


def known_emotions(vectors: EmotionVectors, asked: Sequence[str] | None) -> list[str]:
    """The emotions asked for, or all.

    Raises:
        EmovecError: if one has no vector; names the nearest.
    """
    if asked is None:
        return vectors.emotions
    return list(dict.fromkeys(require_name("emotion", emotion, vectors.emotions) for emotion in asked))


def _known_layers(vectors: EmotionVectors, asked: Sequence[int] | None) -> list[int]:
    for layer in asked or ():
        if layer not in vectors.layers:
            raise EmovecError(f"layer: there are vectors for layers {vectors.layers}, not for {layer}.")
    return sorted(set(asked)) if asked else vectors.layers
