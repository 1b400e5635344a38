"""`emovec plan`: what a study will take, before anything is spent."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.options import AskedModel, Limit, Out, Prices, StudyFile
from emovec.cli.progress import duration, show_log
from emovec.cli.show import console, show_table, with_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from emovec.activations.costs import ExtractionCost, ModelSize
    from emovec.config import StudyConfig
    from emovec.corpus.generation.costs import GenerationCost, GenerationRow
    from emovec.corpus.story import Story
    from emovec.pipeline.costs import Rate
    from emovec.study.study import Study

_SAMPLE = 64  # texts of a language whose tokens are counted; the rest is reckoned from their lengths
_MEASURED = 24


def plan(
    study: StudyFile,
    prices: Prices = None,
    model: AskedModel = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run the model on a few texts, for the best estimate of time.")
    ] = False,
    blocks: Annotated[int | None, typer.Option(min=1, help="Blocks of a model that isn't on this machine.")] = None,
    hidden: Annotated[int | None, typer.Option(min=1, help="Its hidden size.")] = None,
    parameters: Annotated[float | None, typer.Option(min=1, help="Its parameters, such as 7e9.")] = None,
    out: Out = None,
    limit: Limit = None,
) -> None:
    """Estimate the money, time, memory and disk space for a study.

    Spends nothing. A model given here replaces generation.model.
    """
    from emovec.corpus.generation.costs import planned_cost, read_prices
    from emovec.errors import EmovecError
    from emovec.study.study import Study

    show_log()
    opened = Study(study, out, limit)
    config, base = opened.config, opened.path.parent
    generation, generated = None, _is_generated(config)
    if model or config.generation.model or generated:
        generation = planned_cost(config, base, read_prices(prices), model=model)
        print_generation(generation, config.generation.max_attempts)
    texts = _texts(config, base, generation if generated else None)
    try:
        size = _size(config, blocks, hidden, int(parameters) if parameters else None)
    except EmovecError as error:
        console.print("\nExtraction", style="bold")
        _print_texts(config, texts)
        console.print(with_options(str(error), ["blocks", "hidden", "parameters"]))
        return
    print_extraction(config, texts, size)
    _print_stages(opened, texts, size, measure)


def print_generation(cost: "GenerationCost", max_attempts: int) -> None:
    """Show what a generation takes."""
    import datetime

    from emovec.corpus.generation.costs import price_note

    console.print(f"Generation by {cost.model or 'a model that is not chosen yet'}", style="bold")
    rows = [
        (row.kind, row.language, row.completions, row.texts, row.input_tokens, row.output_tokens) for row in cost.rows
    ]
    total = ("in all", "", cost.completions, cost.texts, cost.input_tokens, cost.output_tokens)
    show_table(("kind", "language", "requests", "texts", "tokens in", "tokens out"), [*rows, total])
    if cost.usd:
        most = cost.usd_at_most(max_attempts)
        console.print(
            f"About ${_money(cost.usd)} if every request is answered well at once; reckon with a tenth more for those "
            f"that are asked again. At most about ${_money(most or 0)}: {max_attempts} attempts at each request, every "
            "answer as long as generation.max_tokens lets it be.",
        )
    console.print(with_options(price_note(cost, datetime.date.today()), ["model", "prices"]))
    console.print(
        "Tokens are reckoned from characters; models that think before they answer spend more.\n",
        style="dim",
    )


def print_extraction(config: "StudyConfig", texts: Sequence[tuple[str, int, int]], size: "ModelSize") -> None:
    """Show what an extraction takes; `texts` as (language, texts, tokens)."""
    from emovec.activations.costs import extraction_cost, known_devices

    cost = extraction_cost(
        sum(n for _, n, _ in texts),
        sum(tokens for _, _, tokens in texts),
        size,
        layers=config.extraction.layers,
        store_dtype=config.extraction.store_dtype,
        devices=known_devices(),
    )
    console.print(f"Extraction with {config.model}", style="bold")
    _print_texts(config, texts)
    console.print(
        f"{size.parameters / 1e9:.3g} billion parameters, {size.block_parameters / 1e9:.3g} in {size.layers} blocks of "
        f"size {size.hidden}: {cost.flops:.2g} floating-point operations.",
    )
    _print_times(cost)
    console.print(
        f"Disk for the activations: {_bytes(cost.disk_bytes)} ({cost.layers} layers, {config.extraction.store_dtype}); "
        f"memory with 16-bit weights: about {_bytes(cost.memory_bytes)}.",
    )


def _print_times(cost: "ExtractionCost") -> None:
    rows = [
        (
            time.device.name,
            (duration(3600 * time.hours) if time.hours > 1 / 60 else "under a minute")
            if time.fits
            else f"the weights need more than {time.device.memory_gb:g} GB",
        )
        for time in cost.times
    ]
    show_table(("extraction on another device", "time"), rows)
    console.print(
        "From each device's peak at 25 to 30 % use. Models of less than a billion parameters use far less of a large "
        "one.",
        style="dim",
    )


def _print_texts(config: "StudyConfig", texts: Sequence[tuple[str, int, int]]) -> None:
    total = ("in all", sum(n for _, n, _ in texts), sum(tokens for _, _, tokens in texts))
    show_table(("language", "texts", f"tokens of {config.model}"), [*texts, total])


def _print_stages(study: "Study", texts: Sequence[tuple[str, int, int]], size: "ModelSize", measure: bool) -> None:
    """What every stage takes here, and what is known of how fast this machine is."""
    from emovec.pipeline.costs import MEASURED, past_rate, reckoned_rate, stage_costs

    settings = study.config.extraction
    rate = _measured(study) if measure else past_rate(study) or reckoned_rate(size, settings.device, settings.threads)
    tokens = sum(tokens for _, _, tokens in texts)
    costs = stage_costs(study, sum(n for _, n, _ in texts), tokens, size, rate)
    rows: list[tuple[str, str, str, str]] = []
    for cost in costs:
        told = "not counted" if cost.seconds is None else duration(cost.seconds)
        memory = "" if cost.memory_bytes is None else _bytes(cost.memory_bytes)
        rows.append((cost.stage, cost.amount, told, memory))
    total = sum(cost.seconds or 0 for cost in costs)
    most = max(cost.memory_bytes or 0 for cost in costs)
    console.print("\nEvery stage on this machine", style="bold")
    show_table(("stage", "of", "time", "memory"), [*rows, ("in all", "", duration(total), _bytes(most))])
    said = (
        f"{rate.tokens:,.0f} tokens a second on {rate.device}, {rate.known}. Steering runs at half of that. Geometry "
        f"and report are reckoned from {MEASURED}: times layers, pairs of languages and emotions; geometry also times "
        "topics and once more emotions. Expect these to be off by a half"
    )
    more = "." if measure else "; --measure times the model itself."
    console.print(said + more, style="dim")


def _is_generated(config: "StudyConfig") -> bool:
    """Whether a source of the study is what `emovec corpus generate` writes for it."""
    sources = (config.corpus.stories, config.corpus.neutral)
    endings = ("-texts/stories.*.jsonl", "-texts/neutral.*.jsonl")
    return any(isinstance(source, str) and source.endswith(endings) for source in sources)


def _texts(config: "StudyConfig", base: Path, generation: "GenerationCost | None") -> list[tuple[str, int, int]]:
    """(language, texts, tokens) of what will be extracted: of the texts that are there, or of those still to come.

    Args:
        config: the study.
        base: the folder that its relative paths start from.
        generation: what generates the study's texts; None where they come from elsewhere.
    """
    from emovec.activations.costs import token_counter
    from emovec.corpus.load import collect_corpus, limit_corpus
    from emovec.errors import EmovecError

    rows = [row for row in generation.rows if row.kind in {"stories", "neutral"}] if generation else []
    try:
        corpus = collect_corpus(config, base)
    except EmovecError:
        if generation is None:
            raise
        return _planned(config, base, rows)
    if len(corpus.stories) + len(corpus.neutral) < sum(row.texts for row in rows):
        return _planned(config, base, rows)
    if config.extraction.limit is not None:
        corpus = limit_corpus(corpus, config.extraction.limit)
    chosen = [*corpus.stories, *corpus.neutral]
    count = token_counter(config.model, config.revision, config.trust_remote_code)
    by_language = {language: [s for s in chosen if s.language == language] for language in config.languages}
    return [(language, len(there), _tokens(there, language, count)) for language, there in by_language.items()]


def _planned(config: "StudyConfig", base: Path, rows: "Sequence[GenerationRow]") -> list[tuple[str, int, int]]:
    """(language, texts, tokens) of texts to come: those of the writer, times how many the model needs for one."""
    from emovec.activations.costs import token_counter
    from emovec.corpus.generation.costs import tokens_of
    from emovec.corpus.generation.prompts import topic_text
    from emovec.corpus.generation.requests import load_wording

    count = token_counter(config.model, config.revision, config.trust_remote_code)
    found = list[tuple[str, int, int]]()
    wording = load_wording(config, base)
    for code, language in wording.languages.items():
        sample = "\n".join(topic_text(language, topic) for topic in wording.topics.values())
        rate = count(sample) / tokens_of(len(sample), code) if count else 1.0
        own = [row for row in rows if row.language == code]
        found.append((code, sum(row.texts for row in own), round(rate * sum(row.output_tokens for row in own))))
    return found


def _tokens(stories: "Sequence[Story]", language: str, count: "Callable[[str], int] | None") -> int:
    """Tokens of texts: counted in a sample, reckoned for the rest by length."""
    from emovec.corpus.generation.costs import tokens_of

    characters = sum(len(story.text) for story in stories)
    if count is None or not stories:
        return tokens_of(characters, language)
    sample = stories[:: max(1, len(stories) // _SAMPLE)]
    counted = sum(count(story.text) for story in sample)
    return round(characters * counted / sum(len(story.text) for story in sample))


def _size(config: "StudyConfig", blocks: int | None, hidden: int | None, parameters: int | None) -> "ModelSize":
    from emovec.activations.costs import given_size, model_size
    from emovec.errors import EmovecError

    size = given_size(None, blocks, hidden, parameters)
    if size is None:
        known = model_size(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
        size = given_size(known, blocks, hidden, parameters)
    if size is None:  # nothing open is left where the configuration is known
        raise EmovecError("give --blocks, --hidden and --parameters.")
    return size


def _measured(study: "Study") -> "Rate":
    """The rate of a real extraction of a few texts."""
    from emovec.activations.costs import measured_rate
    from emovec.corpus.bundled import bundled_stories
    from emovec.corpus.load import collect_corpus
    from emovec.errors import EmovecError
    from emovec.pipeline.costs import Rate

    try:
        stories = collect_corpus(study.config, study.path.parent).stories
    except EmovecError:
        stories = bundled_stories()  # the study's own are not written yet
    sample = stories[:: max(1, len(stories) // _MEASURED)][:_MEASURED]
    rate, where = measured_rate(study.config, sample)
    return Rate(rate, where, f"measured here now on {len(sample)} texts")


def _money(usd: float) -> str:
    return f"{usd:,.0f}" if usd >= 100 else f"{usd:.2f}" if usd >= 0.01 else f"{usd:.1g}"


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if n < 1000 or unit == "TB":
            return f"{n:.3g} {unit}"
        n /= 1000
    raise AssertionError
