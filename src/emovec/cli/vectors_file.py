"""Which file of vectors an argument names: itself, or that of a study."""

from pathlib import Path


def vectors_file(source: Path) -> Path:
    """The file of vectors that is meant by a study file, by the folder of a study, or by its own path.

    Raises:
        EmovecError: if the study file can't be read.
    """
    if source.suffix in {".yaml", ".yml"} and not source.is_dir():
        from emovec.study import Study

        return Study(source).folder / "vectors.safetensors"
    return source / "vectors.safetensors" if source.is_dir() else source
