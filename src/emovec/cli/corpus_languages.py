"""`emovec corpus languages`: which languages texts can be generated in, and what a language still lacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from emovec.cli.show import console, say, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emovec.corpus.generation.prompts import Kind
    from emovec.corpus.generation.topics import Topic
    from emovec.languages.language import Language


def languages(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="Show this language's prompts.")] = None,
    folder: Annotated[Path | None, typer.Option(help="A folder of your own language files.")] = None,
    kind: Annotated[str | None, typer.Option(help="Show only this prompt: stories, neutral, …")] = None,
) -> None:
    """Check the files of all languages, or show one's prompts.

    The prompts ask a model to write texts in that language. Exits with 2 if a file is broken or incomplete.
    """
    from emovec.corpus.generation.prompts import KINDS, asking_language, asking_languages
    from emovec.errors import EmovecError, did_you_mean

    if kind is not None and kind not in KINDS:
        raise EmovecError(f"--kind: no kind '{kind}'{did_you_mean(kind, KINDS)}; there are {', '.join(KINDS)}.")
    if code is not None:
        _show(asking_language(code, folder), [each for each in KINDS if kind in (None, each)])
        return
    rows: list[list[str | Text]] = []
    broken: list[str] = []
    for name, path in asking_languages(folder).items():
        origin = str(path) if folder is not None and path.parent == folder else "package"
        try:
            rows.append([*_row(asking_language(name, folder)), origin])
        except EmovecError as error:
            rows.append([name, Text("✗ see below", style="red"), *[""] * 5, origin])
            broken.append(str(error))
    show_table(("code", "language", "words of 30", "of 171", "own topics", "a story", "offset", "from"), rows)
    for message in broken:
        say(f"✗ {message}", "red")
    if broken:
        raise typer.Exit(2)


def _row(language: "Language") -> list[str]:
    from emovec.corpus.generation.prompts import speaks_of
    from emovec.emotions import ANTHROPIC_171, DEFAULT_30

    counts = [len(emotions) - len(language.missing(emotions)) for emotions in (DEFAULT_30, ANTHROPIC_171)]
    own = sum(speaks_of(language, topic) for topic in _topics())
    length = f"{language.shortest}–{language.longest} {language.unit}"
    return [language.code, language.name, *map(str, counts), str(own), length, str(language.offset)]


def _show(language: "Language", kinds: "Sequence[Kind]") -> None:
    from emovec.corpus.generation.prompts import prompt_for, speaks_of
    from emovec.emotions import ANTHROPIC_171, DEFAULT_30

    emotions = [emotion for emotion in DEFAULT_30 if not language.missing([emotion])] or list(language.labels)
    topic = _topics()[0]
    for each in kinds:
        console.rule(Text(f"{language.code} {each}"))
        if language.system:
            console.print(Text(language.system.strip(), style="dim"), soft_wrap=True)
        taken = {"stories": emotions[:1], "neutral": []}.get(each, emotions[:2])
        console.print(Text(prompt_for(language, each, topic, n=4, emotions=taken)), soft_wrap=True)
    for name, listed in (("default-30", DEFAULT_30), ("anthropic-171", ANTHROPIC_171)):
        if lacking := language.missing(listed):
            message = f"No words for {len(lacking)} of {name}: {', '.join(lacking)}."
            say(message, "yellow")
    silent = [topic.id for topic in _topics() if not speaks_of(language, topic)]
    if silent:
        message = f"No sentence of its own for {len(silent)} of 100 topics, which are given in English: "
        say(message + ", ".join(silent) + ".", "yellow")


def _topics() -> "tuple[Topic, ...]":
    from emovec.corpus.generation.topics import load_topics

    return load_topics()
