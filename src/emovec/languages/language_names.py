"""English names of languages."""

from emovec.languages.language import base_language
from emovec.languages.load import load_language


def language_name(code: str) -> str:
    """The English name of a language, or its code where none is known."""
    base = base_language(code)
    return load_language(base).english + code[len(base) :] if load_language(base).english else code
