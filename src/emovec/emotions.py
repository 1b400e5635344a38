"""The emotion lists of the published studies, and a list of concepts to compare them with."""

from emovec.errors import EmovecError

DEFAULT_30: tuple[str, ...] = tuple(
    """
    afraid angry calm disgusted excited guilty ashamed loving sad surprised joyful thrilled content grateful proud
    hopeful nostalgic bored frustrated anxious jealous lonely embarrassed contemptuous resentful melancholy overwhelmed
    indifferent vulnerable serene
    """.split()  # noqa: SIM905 — a paragraph is easier to read than thirty quoted words
)
"""The 30 emotions of the post "Small Models Have Emotions, Too!"."""

ANTHROPIC_171: tuple[str, ...] = tuple(
    word.strip()
    for word in """
    afraid, alarmed, alert, amazed, amused, angry, annoyed, anxious, aroused, ashamed, astonished, at ease,
    awestruck, bewildered, bitter, blissful, bored, brooding, calm, cheerful, compassionate, contemptuous, content,
    defiant, delighted, dependent, depressed, desperate, disdainful, disgusted, disoriented, dispirited, distressed,
    disturbed, docile, droopy, dumbstruck, eager, ecstatic, elated, embarrassed, empathetic, energized, enraged,
    enthusiastic, envious, euphoric, exasperated, excited, exuberant, frightened, frustrated, fulfilled, furious,
    gloomy, grateful, greedy, grief-stricken, grumpy, guilty, happy, hateful, heartbroken, hope, hopeful, horrified,
    hostile, humiliated, hurt, hysterical, impatient, indifferent, indignant, infatuated, inspired, insulted,
    invigorated, irate, irritated, jealous, joyful, jubilant, kind, lazy, listless, lonely, loving, mad, melancholy,
    miserable, mortified, mystified, nervous, nostalgic, obstinate, offended, on edge, optimistic, outraged,
    overwhelmed, panicked, paranoid, patient, peaceful, perplexed, playful, pleased, proud, puzzled, rattled,
    reflective, refreshed, regretful, rejuvenated, relaxed, relieved, remorseful, resentful, resigned, restless,
    sad, safe, satisfied, scared, scornful, self-confident, self-conscious, self-critical, sensitive, sentimental,
    serene, shaken, shocked, skeptical, sleepy, sluggish, smug, sorry, spiteful, stimulated, stressed, stubborn,
    stuck, sullen, surprised, suspicious, sympathetic, tense, terrified, thankful, thrilled, tired, tormented,
    trapped, triumphant, troubled, uneasy, unhappy, unnerved, unsettled, upset, valiant, vengeful, vibrant,
    vigilant, vindictive, vulnerable, weary, worn out, worried, worthless
    """.split(",")  # noqa: SIM905
)
"""The 171 emotion words of Sofroniew et al. 2026, "Emotion Concepts and their Function in a Large Language Model"."""

CONCEPTS_30: tuple[str, ...] = tuple(
    """
    promise secrecy cooperation competition authority rebellion tradition innovation fairness inequality scarcity
    abundance order disorder precision approximation memory forgetting causality coincidence ownership exchange
    teaching imitation growth decay repetition deception proof limit
    """.split()  # noqa: SIM905
)
"""The 30 abstract concepts of `bundled-concepts`, which are no emotions: to compare emotions with."""

NAMED_LISTS: dict[str, tuple[str, ...]] = {
    "default-30": DEFAULT_30,
    "anthropic-171": ANTHROPIC_171,
    "concepts-30": CONCEPTS_30,
}


def emotion_list(emotions: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The words that a study's `emotions` setting stands for, in its order.

    Raises:
        EmovecError: if the name of a list is unknown.
    """
    if not isinstance(emotions, str):
        return tuple(emotions)
    if emotions not in NAMED_LISTS:
        known = ", ".join(NAMED_LISTS)
        raise EmovecError(f"emotions: '{emotions}' is no known list; give one of {known}, or a list of words.")
    return NAMED_LISTS[emotions]
