"""The arguments and options of the commands, each declared once: one name, one meaning, one help text everywhere."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file, or the folder of its results.")]
Texts = Annotated[
    str,
    typer.Argument(
        metavar="STUDY|TEXTS",
        help="A study, or texts: a .jsonl, .csv or .parquet file, a folder, a glob, or 'bundled'.",
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Hub id, folder, .gguf file, or gemma-3-270m.")]
Vectors = Annotated[Path, typer.Argument(metavar="VECTORS", help="vectors.safetensors, or a study's file or folder.")]

Out = Annotated[
    Path | None, typer.Option(help="Folder of the results; by default beside the study file, with the same name.")
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="A quick look at this many of each kind, and 12 times as many neutral texts, kept in its own folder.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what the same command wrote before.")]
Page = Annotated[Path | None, typer.Option(help="Write a page to this .html file.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]

_EMOTION = typer.Option(help="Which emotion; repeat for more.")
Emotion = Annotated[list[str] | None, _EMOTION]
SomeEmotion = Annotated[list[str], _EMOTION]
Language = Annotated[list[str] | None, typer.Option(help="Which language; repeat for more.")]
Layer = Annotated[list[str] | None, typer.Option(help="Block, counted from 0, or 'all'; repeat for more.")]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps …")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
Form = Annotated[
    str, typer.Option(help="chat: use the chat template; plain: continue the text; auto: plain for base models.")
]
NewTokens = Annotated[int, typer.Option("--max-new-tokens", min=1, help="Maximum number of tokens per answer.")]
Temperature = Annotated[float, typer.Option(min=0, help="0 always takes the most likely token.")]

AskedModel = Annotated[
    str | None, typer.Option("--model", help="A model, as named in Inspect: openai/…, anthropic/…, hf/….")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Maximum length of an answer; models that think need more.")]
Retries = Annotated[int, typer.Option(min=0, help="How often to repeat a request if the provider is busy or silent.")]
Prices = Annotated[Path | None, typer.Option(help="Your own table of prices (CSV).")]
License = Annotated[str | None, typer.Option(help="The licence, as the Hub names it, such as cc-by-4.0.")]
