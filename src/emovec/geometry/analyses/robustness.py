"""The analysis of what depends on a choice."""

from emovec.geometry import robustness
from emovec.geometry.affect import word_influence
from emovec.geometry.analyses.analysis import Analysis, Outcome, each_variant, noted, stories_read
from emovec.geometry.inputs import Inputs
from emovec.languages.norms import load_norms

SAMPLE = 2
"""Stories of each emotion and language that are read anew for other offsets."""

_USUAL = {"centring": "emotions", "denoise": "none", "denoise_variance": 0.5}


def _robustness(inputs: Inputs) -> Outcome:
    from emovec.activations.tokens import token_states

    vectors, layer = inputs.vectors, inputs.layer
    if layer is None:
        return Outcome({"robustness": [], "word_influence": []}, noted(inputs, []))
    norms = load_norms(inputs.norms)
    words = each_variant(inputs, lambda v: word_influence(v.sel(layer=layer, drop=True), norms).assign(layer=layer))
    if len(vectors.languages) < 2:
        return Outcome({"robustness": [], "word_influence": words}, noted(inputs, []))
    recipe = _USUAL | vectors.provenance.get("vectors", {})
    stories = {language: inputs.activations(layer, language) for language in vectors.languages}
    neutral = {language: inputs.neutral(layer, language) for language in vectors.languages}
    analytic = robustness.analytic_choices(stories, neutral, vectors.emotions, recipe)
    read = stories_read(inputs)
    sample = {
        language: robustness.balanced_sample(read, language, vectors.emotions, SAMPLE) for language in vectors.languages
    }
    model, pooling = inputs.model(), vectors.provenance.get("pooling", {})
    pooled = robustness.pooling_choices(
        sample,
        lambda text: token_states(model, text, [layer]),
        vectors.emotions,
        pooling.get("offset", 50),
        pooling.get("sink_threshold", 10),
    )
    sizes = {"all stories": sum(map(len, stories.values())), "a sample": sum(map(len, sample.values()))}
    frames = [
        table.assign(layer=layer, texts=texts, n_texts=sizes[texts])
        for texts, table in (("all stories", analytic), ("a sample", pooled))
    ]
    return Outcome(
        {"robustness": frames, "word_influence": words}, {"layer": layer, "texts": sizes}, {"sample_stories": SAMPLE}
    )


ANALYSES = {
    "robustness": Analysis(
        ("robustness", "word_influence"),
        frozenset({"vectors", "activations", "neutral", "stories", "model", "norms", "layer"}),
        _robustness,
    ),
}
