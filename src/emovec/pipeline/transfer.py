"""Transfers between studies: checks, what the target lacks of activations, then the numbers."""

import logging
from collections.abc import Sequence

from emovec.errors import EmovecError
from emovec.files import read_json
from emovec.pipeline.ready import require_ready
from emovec.pipeline.run import run_study
from emovec.progress import Track, untracked
from emovec.study.study import Study
from emovec.study.transfer import Transfer, require_own, transfer_study
from emovec.targets import is_imported

log = logging.getLogger(__name__)


def run_transfer(
    source: Study,
    target: Study,
    track: Track = untracked,
    *,
    languages: Sequence[str] = (),
    hold_out: bool = True,
    overwrite: bool = False,
) -> Transfer:
    """Name the emotions of a study's texts by the centroids of another's; `transfer_study` says how.

    What the target lacks of activations is extracted first.
    """
    require_own(source, target, languages=languages, hold_out=hold_out, overwrite=overwrite)
    require_transferable(source, target, languages)
    _extract(target, track)
    return transfer_study(source, target, track, languages=languages, hold_out=hold_out)


def require_transferable(source: Study, target: Study, languages: Sequence[str] = ()) -> None:
    """Make sure that a transfer can succeed, before the target's texts are read by the model, which takes long.

    Raises:
        EmovecError: as `transfer_study`.
    """
    for study in (source, target):
        if is_imported(study.folder) or is_imported(study.path.parent):
            raise EmovecError(
                f"{study.path}: its vectors were imported, without the stories' activations that a transfer compares; "
                "`emovec compare` takes such studies."
            )
    if "layer" not in source.summary("choice"):
        raise EmovecError(
            f"{source.folder}: no layer has been chosen. {source.command('run', more=['--until', 'geometry'])} does it."
        )
    known = source.activations
    for study, there in ((source, known.languages), (target, target.config.languages)):
        if languages and not set(languages) & set(there):
            wanted = ", ".join(languages)
            raise EmovecError(f"`language`: {study.path} has none of {wanted}; it has {', '.join(there)}.")
    asked = {story.emotion for story in target.corpus.stories if not languages or story.language in languages}
    if asked.isdisjoint(known.index["emotion"]):
        raise EmovecError(f"{target.path}: shares no emotion with {source.path}: {', '.join(sorted(asked)[:5])} …")
    if target.state("activations") == "done":
        return
    require_ready(target, "activations")
    from emovec.models.before_loading import look_at_model

    config = target.config
    shape = look_at_model(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
    for name, ours, theirs in (
        ("hidden_size", known.source["hidden_size"], shape.hidden),
        ("n_layers", known.source["n_layers"], shape.layers),
    ):
        if theirs not in (None, ours):
            raise EmovecError(
                f"{target.path}: its model is another than that of {source.path} ({name} {theirs} instead of {ours}: "
                f"{config.model}, {known.source.get('model')}); give both studies the same model."
            )


def _extract(target: Study, track: Track) -> None:
    if target.state("activations") == "done":
        return
    known = read_json(target.folder / "activations" / "source.json")
    texts = len(target.corpus.stories) + len(target.corpus.neutral)
    log.info(
        "%s: %s; reading %d texts with %s, once: a forward pass over each, as in the stage of activations",
        target.path,
        "its activations are out of date" if known else "it has no activations yet",
        texts,
        target.config.model,
    )
    run_study(target, "activations", track)
