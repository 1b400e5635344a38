"""The Inspect model provider `emovec/<model>`: any evaluation on a steered model."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, cast

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from emovec.asking.batch_mode import told_by_inspect
from emovec.errors import EmovecError
from emovec.models.form import Form, require_form, talks
from emovec.models.generate import chat_prompt
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Positions
from emovec.steering.inspect.server import Request, Sampling, Server, Steering, shared_model, steering
from emovec.vectors.emotion_vectors import EmotionVectors

_MAX_TOKENS = 512
_PLAIN_STOP = "\nUser:"
_ARGUMENTS = (
    *("vectors", "emotion", "strength", "layer", "language", "positions", "project_out"),
    *("revision", "device", "dtype", "threads", "batch_size", "plain", "form"),
)


class EmovecAPI(ModelAPI):
    """A model out of `emovec.load_model`, steered as `model_args` (`-M` on the command line) say.

    Args:
        model_name: Hub id, folder, GGUF file or alias.
        base_url: not used; what the cache tells models apart by is put in its place.
        api_key: not used.
        config: default settings of generation.
        model_args: `vectors` (a file), `emotion`, `strength`, `layer` (each one, or a list), `language`, `positions`,
            `project_out`; `revision`, `device`, `dtype`, `threads`, `batch_size`; `form`; `plain`, for a base model.

    Raises:
        PrerequisiteError: if an argument is unknown, or something named isn't there: Inspect shows it in one line.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008, Inspect's own signature
        **model_args: Any,
    ):
        super().__init__(model_name, base_url, api_key, [], config)
        with told_by_inspect():
            _require_known(model_args)
            self._batch_size = _count("batch_size", model_args.get("batch_size", 8))
            self.form: Form = require_form(str(model_args.get("form", "auto")), "-M form")
            self.plain = self.form == "plain" or _flag("plain", model_args.get("plain", False))
            if model_args.get("threads") is not None:
                import torch

                torch.set_num_threads(_count("threads", model_args["threads"]))
            self.language_model = shared_model(
                model_name,
                model_args.get("revision"),
                str(model_args.get("device", "auto")),
                str(model_args.get("dtype", "auto")),
            )
            self.steering = _steering(self.language_model, model_args)
        # Inspect's cache doesn't look at model arguments, but at this: without it a steered model would be given what
        # the unsteered one, or one steered otherwise, had answered.
        self.base_url = f"emovec:{self.steering.identity(self.language_model)}{'-plain' * self.plain}-{self.form}"
        self._server = Server(self.language_model, self.steering, self._batch_size)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer a conversation; one that ends with the assistant is gone on with where it ends."""
        if tools:
            raise EmovecError("emovec models call no tools; take an evaluation, or a solver, without tools.")
        prompt, special_tokens = self._prompt(input)
        model = self.language_model
        n_read = len(
            model.tokenizer.encode([prompt])[0].ids if special_tokens else model.tokenizer.prompt_ids(prompt)
        )  # fmt: skip
        room = config.max_tokens or _MAX_TOKENS
        if model.max_tokens is not None:
            room = min(room, model.max_tokens - n_read)
        if room < 1:
            return ModelOutput.from_content(
                self.model_name,
                "",
                stop_reason="model_length",
                error=f"The prompt has {n_read} tokens, as many as the model has positions for, or more.",
            )
        choices: list[ChatCompletionChoice] = []
        n_written = thought = 0
        for number in range(config.num_choices or 1):
            sampling = Sampling(
                max_new_tokens=room,
                temperature=config.temperature or 0.0,
                top_p=1.0 if config.top_p is None else config.top_p,
                seed=None if config.seed is None else config.seed + number,
                stop=(*(config.stop_seqs or ()), *([_PLAIN_STOP] if special_tokens else [])),
                special_tokens=special_tokens,
            )
            answer = await self._server.answer(Request(prompt, sampling))
            n_written += answer.n_tokens
            thought += answer.thought
            message = ChatMessageAssistant(content=answer.text or "", model=self.model_name, source="generate")
            reason = "max_tokens" if answer.cut else "stop"
            choices.append(ChatCompletionChoice(message=message, stop_reason=reason))
        return ModelOutput(
            model=self.model_name,
            choices=choices,
            usage=ModelUsage(input_tokens=n_read, output_tokens=n_written, total_tokens=n_read + n_written),
            metadata=self._told(thought),
        )

    def _told(self, thought: int) -> dict[str, Any] | None:
        """What is known of an answer beside its text."""
        told: dict[str, Any] = {"steering": self.steering.facts} if self.steering.facts else {}
        return (told | {"thinking_removed": thought} if thought else told) or None

    def _prompt(self, messages: Sequence[ChatMessage]) -> tuple[str, bool]:
        """The text that the model goes on from, and whether the tokenizer is to put its special tokens before it."""
        for message in messages:
            if message.role == "tool" or getattr(message, "tool_calls", None):
                raise EmovecError("emovec models call no tools, and this conversation contains a call or its result.")
            if not isinstance(message.content, str) and any(part.type != "text" for part in message.content):
                raise EmovecError("emovec models read text only; this conversation contains something else.")
        prefill = messages[-1].text if messages[-1].role == "assistant" else ""
        told = messages[:-1] if prefill else messages
        turns = [{"role": message.role, "content": message.text} for message in told]
        if talks(self.language_model, self.form):
            return chat_prompt(self.language_model, turns, prefill=prefill), False
        if not self.plain:
            raise EmovecError(
                f"model: {self.model_name} is a base model; take its instruct version, or give -M plain=true to ask it "
                "in plain text (User: … Assistant: …)."
            )
        names = {"system": "", "user": "User: ", "assistant": "Assistant: "}
        text = "\n\n".join(names.get(turn["role"], "") + turn["content"] for turn in turns)
        return f"{text}\n\nAssistant:{' ' * bool(prefill)}{prefill}", True

    def max_tokens(self) -> int | None:
        """Most tokens of an answer, where the evaluation says nothing."""
        return _MAX_TOKENS

    def max_connections(self) -> int:
        """Requests at once: as many as a batch takes."""
        return self._batch_size

    def connection_key(self) -> str:
        """One pool for each steered model."""
        return str(self.base_url)

    def collapse_user_messages(self) -> bool:
        """Chat templates want the roles to take turns."""
        return True

    def collapse_assistant_messages(self) -> bool:
        """Chat templates want the roles to take turns."""
        return True

    async def count_text_tokens(self, text: str) -> int:
        """The text's own tokens."""
        return len(self.language_model.text_token_ids(text))

    async def tokenize(self, text: str) -> list[int]:
        """The ids of the text's own tokens."""
        return self.language_model.text_token_ids(text)


def _steering(model: LanguageModel, arguments: dict[str, Any]) -> Steering:
    file = arguments.get("vectors")
    return steering(
        model,
        None if file is None else EmotionVectors.load(file),
        [str(each) for each in _listed(arguments.get("emotion"))],
        strengths=_numbers("strength", arguments.get("strength", 0.1), float),
        layers=_numbers("layer", arguments.get("layer"), int),
        language=arguments.get("language"),
        positions=cast("Positions", str(arguments.get("positions", "all"))),
        project_out=_flag("project_out", arguments.get("project_out", False)),
    )


def _require_known(arguments: dict[str, Any]) -> None:
    for name in arguments:
        if name not in _ARGUMENTS:
            near = get_close_matches(name, _ARGUMENTS, n=1, cutoff=0.0)[0]
            raise EmovecError(f"-M {name}: emovec models have no such argument; the nearest is '{near}'.")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _numbers(name: str, value: Any, kind: type[Any]) -> list[Any]:
    listed = _listed(value)
    try:
        numbers = [kind(each) for each in listed]
        as_given = numbers == [float(each) for each in listed] and not any(isinstance(each, bool) for each in listed)
    except (TypeError, ValueError, OverflowError):
        numbers, as_given = [], False
    if not as_given:
        raise EmovecError(
            f"-M {name}={value}: give a {'whole ' * (kind is int)}number, or several with commas between."
        )
    return numbers


def _count(name: str, value: Any) -> int:
    if not str(value).isdecimal() or int(value) < 1:
        raise EmovecError(f"-M {name}={value}: give a whole number, 1 or more.")
    return int(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise EmovecError(f"-M {name}={value}: give true or false.")
    return value
