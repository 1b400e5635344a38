"""What arguments that several commands share stand for: a file of vectors, layers, a model that fits the vectors."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.cli.progress import waiting

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel
    from emovec.vectors.emotion_vectors import EmotionVectors


def vectors_file(source: Path) -> Path:
    """The file of vectors that is meant by a study file, by the folder of a study, or by its own path.

    Raises:
        EmovecError: if the study file can't be read, or there are no vectors yet.
    """
    from emovec.commands import command
    from emovec.errors import EmovecError
    from emovec.study_files import is_study, results_folder

    if is_study(source):
        from emovec.config import read_config
        from emovec.study_files import study_file

        read_config(study_file(source))  # says what is wrong with it
        file = results_folder(source) / "vectors.safetensors"
        if not file.is_file():
            raise EmovecError(
                f"{source}: has no vectors yet; {command('run', source, '--until', 'vectors')} makes {file}."
            )
        return file
    file = source / "vectors.safetensors" if source.is_dir() else source
    if not file.is_file():
        raise EmovecError(f"{file}: no such file; give a vectors.safetensors, or the file or folder of a study.")
    return file


def layers_of(vectors: "EmotionVectors", asked: Sequence[str] | None) -> list[int]:
    """The layers that `--layer` asks for, each once; none if it is not given.

    Raises:
        EmovecError: if one is no number, or there are no vectors for it.
    """
    from emovec.errors import EmovecError

    if "all" in (asked or ()):
        return list(vectors.layers)
    for layer in asked or ():
        if not layer.isdecimal() or int(layer) not in vectors.layers:
            raise EmovecError(f"--layer {layer}: there are vectors for layers {vectors.layers}; give some, or 'all'.")
    return list(dict.fromkeys(map(int, asked or ())))


def steering_layers(vectors: "EmotionVectors", asked: Sequence[str] | None) -> list[int]:
    """The layers asked for, or the one of the vectors at two thirds of the depth."""
    from emovec.vectors.control_vectors import usual_layer

    return layers_of(vectors, asked) or [usual_layer(vectors)]


def load_fitting(
    vectors: "EmotionVectors", model: str, device: str, dtype: str, *, chat: bool = False
) -> "LanguageModel":
    """The model, once everything that its name, vectors and options tell has been checked: it takes long to load.

    Of a model of the Hub it is the commit that the vectors were made with.

    Args:
        vectors: that it is steered with or read along.
        model: Hub id, folder, `.gguf` file or alias.
        device: where to.
        dtype: of the weights.
        chat: whether it is to be talked to, which takes a chat template.

    Raises:
        EmovecError: if it can't be found, the vectors don't fit it, or it can't be talked to.
    """
    from emovec.errors import EmovecError
    from emovec.models.before_loading import look_at_model
    from emovec.models.load import choose_device, choose_dtype, load_model

    choose_dtype(dtype, choose_device(device))
    made_with = str(vectors.provenance.get("revision"))
    known = vectors.provenance.get("model") == model and re.fullmatch("[0-9a-f]{40}", made_with)
    revision = made_with if known else None
    shape = look_at_model(model, revision=revision)
    vectors.require_shape(model, shape.hidden, shape.layers)
    if chat and shape.chat is False:
        raise EmovecError(
            f"model: {model} is a base model without a chat template; take its instruct version, or give plain text: "
            "`emovec steer` continues a text of any model."
        )
    with waiting(f"Loading {model}"):
        loaded = load_model(model, revision=revision, device=device, dtype=dtype)
    vectors.require_fit(loaded)
    return loaded
