"""What can be known to be wrong with a study before any of its work starts."""

from pathlib import Path

from emovec.config import StudyConfig
from emovec.errors import EmovecError


def check_files(config: StudyConfig, base: Path) -> None:
    """Read every file that the settings of geometry and steering name, and see that prompts are in the languages asked.

    Args:
        config: the study.
        base: the folder that its relative paths start from.

    Raises:
        EmovecError: if a file is missing or wrong, or an experiment has no texts in a language that it is to use.
    """
    from emovec.geometry.norms import load_norms
    from emovec.steering.activities import load_activities
    from emovec.steering.rules import load_prompts, load_rules
    from emovec.steering.scenarios import read_scenarios, read_templates

    settings, experiments = config.steering, config.steering.experiments
    activities, prompts, scenarios = (
        base / given if given else None for given in (settings.activities, settings.prompts, settings.scenarios)
    )
    if config.geometry.norms is not None:
        try:
            load_norms(base / config.geometry.norms)
        except EmovecError as error:
            raise EmovecError(f"geometry.norms: {error}") from error
    asked = settings.languages or config.languages
    if activities or "preferences" in experiments:
        load_activities(asked if "preferences" in experiments else [], activities)
    there = {each.language for each in [*read_scenarios(scenarios), *read_templates(scenarios)]}
    worded = {language for rule in load_rules() for language in rule.wordings}
    prompted = worded & {each.language for each in load_prompts(prompts)}
    if "rules" in experiments and not prompted & set(asked):
        raise EmovecError(
            f"steering.languages: rules have prompts in {_listed(prompted)}, and in none of {', '.join(asked)}; name "
            "one of them, or leave rules out of steering.experiments."
        )
    there |= prompted if "rules" in experiments else set()
    there |= set(asked) if "preferences" in experiments else set()
    for language in settings.languages or () if experiments else ():
        if language not in there | {"en", "ja"}:  # in which calibration has sentences
            raise EmovecError(
                f"steering.languages: no experiment has texts in '{language}'; there are some in "
                f"{_listed(there | {'en', 'ja'})}."
            )
    if settings.judge is not None and "calibration" in experiments:
        _check_judge(settings.judge)


def check_layers(config: StudyConfig, n_layers: int | None) -> None:
    """See that every layer that the settings name is one of the model's; None where its depth is not known yet.

    Raises:
        EmovecError: naming the setting.
    """
    if n_layers is None:
        return
    read = config.extraction.layers
    named = {
        "extraction.layers": [] if read == "all" else read,
        "geometry.layer": [config.geometry.layer],
        "steering.layer": [config.steering.layer],
    }
    for setting, layers in named.items():
        for layer in layers:
            if isinstance(layer, int) and layer >= n_layers:
                raise EmovecError(
                    f"{setting}: {layer} is none of the layers of {config.model}, which has layers 0 to {n_layers - 1}."
                )


def _check_judge(judge: str) -> None:
    try:
        from inspect_ai.model import get_model
    except ImportError as error:
        raise EmovecError("steering.judge: a judge is run by Inspect; pip install inspect-ai.") from error
    from emovec.provider_errors import reason_of

    try:
        get_model(judge)
    except Exception as error:  # each provider raises errors of its own
        raise EmovecError(f"steering.judge: {judge} can't be asked ({reason_of(error)}).") from error


def _listed(languages: set[str]) -> str:
    return ", ".join(sorted(languages)) or "no language"
