"""What steering does to the word a model chooses: log-probabilities of emotion words after frames like "He feels"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emovec.errors import EmovecError
from emovec.languages.language import Language
from emovec.languages.lexicon import labels

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

FloatArray = NDArray[np.float64]


def frame_word(language: Language, emotion: str) -> str | None:
    """The word that names an emotion after a frame: the first of its labels; None where the language lists none.

    It brings the space before it where the language is written with spaces.
    """
    found = labels(language, emotion)
    if not found:
        return None
    return f" {found[0]}" if language.spaces else found[0]


@dataclass(frozen=True)
class SplitFrame:
    """A frame and words as tokens: what all have in common, and how each word goes on from there."""

    prefix: tuple[int, ...]
    words: tuple[tuple[int, ...], ...]


def split_frame(model: "LanguageModel", frame: str, words: Sequence[str]) -> SplitFrame:
    """Tokenise a frame with each word as one text, so that each is met as a reader would meet it.

    Where a tokenizer makes one token of the frame's end and a word, all words start a token earlier; where that leaves
    a word nothing, they are tokenised by themselves.

    Raises:
        EmovecError: if a word has no token.
    """
    bare = model.tokenizer.encode([frame])[0].ids
    whole = [text.ids for text in model.tokenizer.encode([frame + word for word in words])]
    shared = min((_agree(bare, ids) for ids in whole), default=len(bare))
    after = [tuple(ids[shared:]) for ids in whole]
    if shared < 2 or not all(after):
        shared, after = len(bare), [tuple(model.text_token_ids(word)) for word in words]
    if not all(after):
        raise EmovecError(f"frames: '{words[after.index(())]}' has no token for {model.id}.")
    return SplitFrame(tuple(bare[:shared]), tuple(after))


def _agree(a: Sequence[int], b: Sequence[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def word_log_probabilities(
    model: "LanguageModel",
    split: SplitFrame,
    directions: NDArray[Any],
    lengths: Sequence[float],
    layer: int,
    *,
    batch_size: int = 32,
) -> FloatArray:
    """Log-probability of each word after a frame, under each of several interventions at one layer.

    The interventions are the rows of a batch, all with the same frame, so that there is no padding; words of several
    tokens go on from the frame's cache.

    Args:
        model: the language model.
        split: the frame and the words.
        directions: [row, hidden]; their length doesn't matter.
        lengths: [row], how much of the unit direction is added at all positions; 0 leaves the row unsteered.
        layer: 0-based block whose output is steered.
        batch_size: rows run at once.

    Returns:
        [row, word]: sums over the tokens of a word, in nats. NaN where the model's logits are not finite.
    """
    from emovec.models.intervene import intervene, steer

    parts: list[FloatArray] = []
    for begin in range(0, len(directions), batch_size):
        rows = slice(begin, begin + batch_size)
        push = intervene(np.asarray(directions[rows]), layer=layer, strength=list(lengths[rows]), norm=1.0)
        with steer(model, push):
            parts.append(_batch(model, split, len(directions[rows])))
    return np.concatenate(parts)


def _batch(model: "LanguageModel", split: SplitFrame, n_rows: int) -> FloatArray:
    import torch
    from transformers import DynamicCache

    from emovec.models.behaviour import named_cache

    # A word's tokens but the last are run again; words that begin alike share a run.
    runs = list(dict.fromkeys(word[:-1] for word in split.words if len(word) > 1))
    shares = model.behaviour.shares_cache
    with torch.inference_mode():
        ids = torch.tensor([split.prefix] * n_rows, device=model.device)
        cache = DynamicCache(config=model.model.config) if shares else None
        cached: dict[str, Any] = (
            {"use_cache": True, **named_cache(model.model, cache)} if shares else {"use_cache": False}
        )
        output = model.model(input_ids=ids, logits_to_keep=1, **cached)
        first = torch.log_softmax(output.logits[:, -1].float(), dim=-1)
        sums = torch.stack([first[:, word[0]] for word in split.words], dim=1).double()
        if runs:
            longest = max(map(len, runs))
            if cache is not None:
                cache.batch_repeat_interleave(len(runs))
            # Padding on the right: nothing that is read comes after it.
            padded = [run + run[-1:] * (longest - len(run)) for run in runs]
            before = () if shares else split.prefix  # a cache that can't be copied: the frame is run again
            ids = torch.tensor([(*before, *run) for run in padded] * n_rows, device=model.device)
            logits = model.model(input_ids=ids, **cached).logits[:, -longest:]
            later = torch.log_softmax(logits.float(), dim=-1).view(n_rows, len(runs), longest, -1)
            for column, word in enumerate(split.words):
                for step, token in enumerate(word[1:]):
                    sums[:, column] += later[:, runs.index(word[:-1]), step, token]
    found = sums.cpu().numpy()
    return np.where(np.isfinite(found), found, np.nan)


def one_token(split: SplitFrame) -> list[bool]:
    """Which words are one token: these cost nothing beyond the frame itself."""
    return [len(word) == 1 for word in split.words]


def relative_changes(log_probabilities: FloatArray, baseline: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The change of each word's log-probability, and how far it exceeds that of the other words.

    Args:
        log_probabilities: [row, word], steered.
        baseline: [word], unsteered.

    Returns:
        own [row, word]: steered minus unsteered, in nats; relative [row, word]: own less the mean over the other words.
    """
    own = log_probabilities - baseline
    n_words = own.shape[1]
    if n_words < 2:
        return own, np.full_like(own, np.nan)
    others = (own.sum(axis=1, keepdims=True) - own) / (n_words - 1)
    return own, own - others


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; NaN bounds where one can't be given."""

    mean: float
    low: float
    high: float


def crossed_mean(values: FloatArray) -> Estimate:
    """Mean of effects [emotion, frame] with an interval for other emotions and other frames.

    Emotions and frames are two crossed random factors with one observation a cell. The variance of the grand mean is
    (MS_emotion + MS_frame − MS_rest) / cells, its degrees of freedom after Satterthwaite. A factor with one level is
    taken as fixed. Emotions of which a frame is NaN are left out.

    Returns:
        The mean and its 95 % t-interval.

    Source:
        Satterthwaite (1946), "An approximate distribution of estimates of variance components", Biometrics Bulletin 2.
    """
    from scipy import stats

    values = values[np.isfinite(values).all(axis=1)] if values.size else values
    if not values.size:
        return Estimate(np.nan, np.nan, np.nan)
    n, m = values.shape
    grand = float(values.mean())
    if n == 1 or m == 1:
        flat = values.ravel()
        if len(flat) < 2:
            return Estimate(grand, np.nan, np.nan)
        squares, df = flat.var(ddof=1), len(flat) - 1.0
    else:
        rows, columns = values.mean(axis=1), values.mean(axis=0)
        rest = values - rows[:, None] - columns[None] + grand
        parts = (m * rows.var(ddof=1), n * columns.var(ddof=1), (rest**2).sum() / ((n - 1) * (m - 1)))
        freedoms = (n - 1, m - 1, (n - 1) * (m - 1))
        squares = parts[0] + parts[1] - parts[2]
        if squares <= min(parts):  # nothing but noise between cells
            squares, df = max(parts), float(min(freedoms))
        else:
            df = squares**2 / sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
        df = max(df, 1.0)
    half = float(stats.t.ppf(0.975, df) * np.sqrt(squares / values.size))
    return Estimate(grand, grand - half, grand + half)


def beside_directions(estimate: Estimate, directions: FloatArray) -> Estimate:
    """An estimate that holds a mean over a few random directions, with an interval for other directions too.

    Each direction does something of its own, the same in all emotions and frames, which `crossed_mean` doesn't see. The
    two half widths are added in quadrature.

    Args:
        estimate: from `crossed_mean`, given these directions.
        directions: [direction] mean of each.

    Returns:
        The same mean; NaN bounds for fewer than two directions.

    Source:
        Zou & Donner (2008), "Construction of confidence limits about effect measures", Statistics in Medicine 27.
    """
    from scipy import stats

    k = len(directions)
    if k < 2:
        return Estimate(estimate.mean, np.nan, np.nan)
    own = float(stats.t.ppf(0.975, k - 1) * directions.std(ddof=1) / np.sqrt(k))
    half = float(np.hypot((estimate.high - estimate.low) / 2, own))
    return Estimate(estimate.mean, estimate.mean - half, estimate.mean + half)
