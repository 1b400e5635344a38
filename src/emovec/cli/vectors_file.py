"""Which file of vectors an argument names: itself, or that of a study."""

from pathlib import Path


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

        read_config(study_file(source))  # tells what is wrong with it
        file = results_folder(source) / "vectors.safetensors"
        if not file.is_file():
            raise EmovecError(f"{source}: has no vectors yet; {command('vectors', source)} makes {file}.")
        return file
    file = source / "vectors.safetensors" if source.is_dir() else source
    if not file.is_file():
        raise EmovecError(f"{file}: no such file; give a vectors.safetensors, or the file or folder of a study.")
    return file
