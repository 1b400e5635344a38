"""`emovec chat`: a conversation with a model whose emotions can be turned up and down in between."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emovec.cli.inputs import load_fitting, steering_layers, vectors_file
from emovec.cli.options import Device, Dtype, Form, Language, Layer, Model, NewTokens, Seed, Temperature, Vectors
from emovec.cli.progress import show_log
from emovec.cli.show import console

if TYPE_CHECKING:
    from emovec.models.intervene import Intervention
    from emovec.models.language_model import LanguageModel
    from emovec.steering.conditions import Condition
    from emovec.vectors.emotion_vectors import EmotionVectors

_HELP = (
    "/steer EMOTION STRENGTH sets an emotion (0 takes it off), /steer by itself shows what is set, "
    "/off stops all steering, /new starts over, /again answers the last message once more, /quit leaves."
)
_DRAW = 1_000_003  # from one draw of an answer to the next: further than any conversation is long


def chat(
    model: Model,
    vectors: Vectors,
    language: Language = None,
    layer: Layer = None,
    max_new_tokens: NewTokens = 200,
    temperature: Temperature = 0.7,
    seed: Seed = 0,
    form: Form = "auto",
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> None:
    """Chat with an instruct model, and steer it as you go.

    `/steer angry 0.1` adds an emotion. By default in the vectors' first language, at two thirds of the depth.
    """
    from rich.text import Text

    from emovec.errors import EmovecError
    from emovec.models.form import require_form, talks
    from emovec.models.generate import chat_prompt
    from emovec.vectors.choosing import require_name
    from emovec.vectors.emotion_vectors import EmotionVectors

    show_log()
    way = require_form(form, "--form")
    if len(language or ()) > 1:
        raise EmovecError("--language: a chat is steered by the vectors of one language; give one.")
    read = EmotionVectors.load(vectors_file(vectors))
    layers = steering_layers(read, layer)
    whose = require_name("language", language[0], read.languages) if language else None
    loaded = load_fitting(read, model, device, dtype, chat=True)
    chat_prompt(loaded, [{"role": "user", "content": "Hello"}])  # a template that refuses says so before anybody types
    if not talks(loaded, way):
        raise EmovecError(
            f"model: {model} is a base model, though its tokenizer has a chat template; take its instruct version, or "
            "give --form chat."
        )
    talk = _Talk(loaded, read, whose, layers, max_new_tokens, temperature, seed)
    console.print(_HELP)
    while True:
        try:
            line = console.input(Text("you: ", "bold")).strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if line in {"/quit", "/exit"}:
            return
        try:
            if line == "/again":
                talk.take_back()
                talk.answer()
            elif line.startswith("/"):
                console.print(talk.command(line))
            elif line:
                talk.say(line)
                talk.answer()
        except EmovecError as error:  # a slip of the pen ends no conversation
            console.print(str(error), style="red")


@dataclass
class _Talk:
    model: "LanguageModel"
    vectors: "EmotionVectors"
    language: str | None
    layers: list[int]
    max_new_tokens: int
    temperature: float
    seed: int
    messages: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    strengths: dict[str, float] = field(default_factory=dict[str, float])
    answered: dict[str, float] = field(default_factory=dict[str, float])  # the strengths of the last answer
    draw: int = 0

    def command(self, line: str) -> str:
        """Do what a line that starts with a slash asks for; gives what to say about it."""
        name, *rest = line.split()
        if name == "/off":
            self.strengths.clear()
        elif name == "/new":
            self.messages.clear()
            return "A new conversation."
        elif name == "/steer" and rest:
            self._set(rest)
        elif name != "/steer":
            return _HELP
        set_now = ", ".join(f"{emotion} {strength:g}" for emotion, strength in self.strengths.items())
        return f"Steered by {set_now}." if set_now else "Not steered."

    def say(self, message: str) -> None:
        """Add a message; one that could not be answered makes room for it, since roles must take turns."""
        if self.messages and self.messages[-1]["role"] == "user":
            self.messages.pop()
        self.messages.append({"role": "user", "content": message})
        self.draw = 0

    def take_back(self) -> None:
        """Forget the last answer, so that its message can be answered once more.

        Other steering is set beside it with the same random draws; the same steering would only say the same again.
        """
        from emovec.errors import EmovecError

        if self.messages and self.messages[-1]["role"] == "assistant":
            self.messages.pop()
            self.draw += self.strengths == self.answered
        if not self.messages:
            raise EmovecError("There is no message yet to answer again.")

    def _set(self, words: list[str]) -> None:
        from emovec.errors import EmovecError

        *name, amount = words
        try:
            strength = float(amount)
        except ValueError:
            raise EmovecError("Give an emotion and a strength in residual norms, such as /steer angry 0.1.") from None
        emotion = " ".join(name)
        self._conditions({emotion: strength})
        self.strengths.pop(emotion, None)
        if strength:
            self.strengths[emotion] = strength

    def interventions(self) -> "list[Intervention]":
        """What is set, as interventions."""
        from emovec.steering.conditions import interventions

        return interventions(self._conditions(self.strengths), self.vectors)

    def _conditions(self, strengths: dict[str, float]) -> "list[Condition]":
        from emovec.steering.conditions import named_conditions

        return named_conditions(
            self.vectors, list(strengths), list(strengths.values()), language=self.language, layers=self.layers
        )

    def answer(self) -> None:
        """Answer the conversation as it stands, word by word, and keep the answer in it."""
        from rich.live import Live
        from rich.text import Text

        from emovec.models.answers import answer_of
        from emovec.models.form import ask
        from emovec.models.generate import chat_prompt
        from emovec.models.intervene import steer

        head = "model: "

        with Live(Text(head), console=console, refresh_per_second=8) as live, steer(self.model, self.interventions()):

            def show(texts: list[str]) -> None:
                live.update(Text.assemble((head, "bold"), answer_of(texts[0]).text.strip()))

            text = ask(
                self.model,
                [chat_prompt(self.model, self.messages)],
                max_new_tokens=self.max_new_tokens,
                temperature=self.temperature,
                seed=self.seed + len(self.messages) + _DRAW * self.draw,
                on_tokens=show,
            )[0].text
            show([text])
        if not console.is_terminal:
            console.line()  # there a live view ends without
        self.messages.append({"role": "assistant", "content": text.strip()})
        self.answered = dict(self.strengths)
