"""The tables of the steering experiments: their columns, for those who read them."""

_READ = ("variant", "reading", "vector_language", "text_language")
_CONDITION = ("language", "kind", "name", "vector_language", "layer", "strength")
_RANKED = ("statistic", "value", "low", "high", "null", "p")

COLUMNS: dict[str, tuple[str, ...]] = {
    "calibration_sweep": (
        *("language", "layer", "strength", "kind", "name", "effect", "low", "high"),
        *("perplexity_ratio", "distinct", "distinct_unsteered", "regime"),
    ),
    "calibration_windows": (
        *("language", "emotion", "layer", "strength", "effect", "low", "high", "control", "control_max", "best"),
    ),
    "calibration_cross": (
        *("vector_language", "language", "layer", "strength", "effect", "low", "high"),
        *("control", "control_low", "control_high", "excess", "excess_low", "excess_high"),
        *("less_own", "less_own_low", "less_own_high", "others", "p"),
    ),
    "calibration_words": (
        *("vector_language", "language", "layer", "kind", "name", "strength", "frame", "emotion", "own", "effect"),
        "n_words",
    ),
    "calibration_texts": (
        *("vector_language", "language", "layer", "kind", "name", "strength", "opening", "text"),
        *("perplexity", "distinct"),
    ),
    "implicit": (*_READ, "layer", *_RANKED, "p_familywise", "n_scenarios", "n_emotions"),
    "implicit_words": ("features", "text_language", *_RANKED, "n_scenarios", "n_emotions"),
    "implicit_scenarios": (*_READ, "layer", "id", "emotion", "rank", "first_ranked", "text"),
    "implicit_emotions": (*_READ, "layer", "emotion", "vector", "score"),
    "intensity": (
        *(*_READ, "layer", "statistic", "value", "low", "high", "p", "p_familywise", "p_emotions", "n_templates"),
    ),
    "intensity_templates": (*_READ, "layer", "id", "emotion", "sign", "rho", "text"),
    "rules": (
        *(*_CONDITION, "n", "rate", "low", "high", "distinct", "perplexity_ratio", "regime", "cut", "baseline"),
        *("difference", "p", "p_familywise", "controls", "p_controls", "p_controls_familywise", "beyond_controls"),
    ),
    "rule_types": (*_CONDITION, "rule", "n", "rate", "low", "high"),
    "rule_answers": (
        *(*_CONDITION, "rule", "prompt", "request", "answer", "followed", "cut", "thought", "distinct", "nats"),
    ),
    "preference_scores": (
        *("language", "design", *_CONDITION[1:], "activity", "category", "text", "steered"),
        *("score", "low", "high", "sequential", "change"),
    ),
    "preference_changes": (
        *("language", "design", *_CONDITION[1:], "category", "change", "low", "high", "n_activities"),
        *("change_sequential", "control"),
    ),
    "preference_shift": (*("language", "design", *_CONDITION[1:], "change", "low", "high", "n_activities", "control"),),
    "preference_effects": (
        *("language", "design", "strength", "measure", "emotions", "controls", "n_emotions", "n_controls", "p"),
    ),
    "preference_bias": (
        *("language", "design", *_CONDITION[1:], "share_a", "first", "mass", "mass_least", "n_questions"),
    ),
    "preference_probe": (
        *(
            "language",
            "vector_language",
            "layer",
            "emotion",
            "r",
            "p",
            "p_familywise",
            "null_95",
            "n",
            "p_kinds",
            "control",
        ),
    ),
}
