"""Labelling in the terminal: a text, a prefix of an emotion's name, the next text."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from emovec.printable import printable

if TYPE_CHECKING:
    from emovec.corpus.annotation.session import LabelSession

HELP = "Type the beginning of an emotion, or /list, /skip, /undo, /quit."


def label_in_terminal(
    session: "LabelSession", languages: Sequence[str], console: Console, ask: Callable[[str], str]
) -> None:
    """Show one text after another until all are labelled or the person leaves; each answer is kept at once.

    Args:
        session: whose texts.
        languages: of the texts; their names of the emotions can be typed too.
        console: where texts are shown.
        ask: prints a prompt and gives the line that was typed; EOFError (Ctrl-D) and Ctrl-C mean leave.
    """
    console.print(Text(HELP + (f" Up to {session.top}, best first, with commas between." if session.top > 1 else "")))
    while (story := session.current) is not None:
        title = f"{session.done + 1} of {session.total}"
        console.print(Panel(Text(printable(story.text)), title=title, title_align="left", width=min(console.width, 96)))
        if not _step(session, languages, console, ask):
            console.print(Text(f"{session.done} of {session.total} labelled; the same command continues from here."))
            return
    console.print(Text(f"All {session.total} texts are labelled.", style="green"))


def _step(session: "LabelSession", languages: Sequence[str], console: Console, ask: Callable[[str], str]) -> bool:
    """Ask until the text is labelled, skipped or given up for the one before; False to leave."""
    from emovec.corpus.annotation.session import option_names

    while True:
        try:
            typed = ask("emotion> ").strip()
            match typed:
                case "":
                    console.print(Text(HELP, style="dim"))
                case "/quit" | "/q":
                    return False
                case "/skip" | "/s":
                    session.skip()
                    return True
                case "/undo" | "/u":
                    if session.undo():
                        return True
                    console.print(Text("There is nothing to take back.", style="yellow"))
                case "/list" | "/l" | "?":
                    names = [option_names(option, languages) for option in session.options]
                    console.print(Text("   ".join(names), style="dim"))
                case _:
                    chosen = _chosen(typed, session, languages, console)
                    if chosen:
                        console.print(Text(" → ".join(["", *chosen]).strip(), style="bold"))
                        match _confidence(console, ask):
                            case "/undo":  # of what was just typed: nothing is kept yet
                                continue
                            case "/skip":
                                session.skip()
                                return True
                            case "/quit":
                                session.label(chosen)
                                return False
                            case confidence:
                                session.label(chosen, confidence)
                                return True
        except (EOFError, KeyboardInterrupt):
            return False


def _chosen(typed: str, session: "LabelSession", languages: Sequence[str], console: Console) -> list[str]:
    from emovec.corpus.annotation.session import matching, option_names

    chosen: list[str] = []
    for part in filter(None, (part.strip() for part in typed.replace("、", ",").split(","))):
        found = matching(part, session.options, languages)
        if len(found) != 1:
            names = ", ".join(option_names(option, languages) for option in found)
            said = f"“{printable(part)}” could be {names}." if found else f"No emotion begins with “{printable(part)}”."
            console.print(Text(said, style="yellow"))
            return []
        chosen += found
    if len(set(chosen)) > session.top:
        console.print(Text(f"Give at most {session.top}.", style="yellow"))
        return []
    return list(dict.fromkeys(chosen))


def _confidence(console: Console, ask: Callable[[str], str]) -> int | Literal["/undo", "/skip", "/quit"] | None:
    """How sure the person is, None where that is left open, or one of the commands; Ctrl-D means /quit."""
    while True:
        try:
            typed = ask("sure? 1 guess, 2 fairly, 3 sure, Enter to leave it open> ").strip()
        except EOFError:
            return "/quit"
        match typed:
            case "":
                return None
            case "1" | "2" | "3":
                return int(typed)
            case "/undo" | "/u":
                return "/undo"
            case "/skip" | "/s":
                return "/skip"
            case "/quit" | "/q":
                return "/quit"
            case _:
                said = "1, 2, 3 or Enter; /undo chooses another emotion, /skip comes back later, /quit keeps this one."
                console.print(Text(said, style="yellow"))
