"""Which tests the study's claims rest on, and how many of them stand after one correction for all."""

from emovec.report.charts import Listing
from emovec.report.confirmatory import ConfirmatoryTest, confirmatory_tests
from emovec.report.section import Section
from emovec.report.style import language_name, listed, number, p_value
from emovec.study.results import StudyTables

_NAMES = {
    "alike": ("the languages arrange the emotions alike", "r"),
    "beyond confounds": ("the languages agree beyond words, embeddings, the first layer and valence", "partial r"),
    "same emotion": ("the same emotion is closer across the languages than others", "difference of cosines"),
    "beyond words": ("activations name the emotion better than word counts", "difference of accuracies"),
    "valence": ("the valence of emotions left out is predicted", "r"),
    "arousal": ("the arousal of emotions left out is predicted", "r"),
}
"""Kind of test → what it claims, and what its statistic is."""


def finding(study: StudyTables) -> str:
    """How many tests count, how many stand after the correction, and which these are."""
    tests = confirmatory_tests(study)
    if not tests:
        return ""
    stand = [each for each in tests if each.stands]
    number_of = f"{len(tests)} test{'s' if len(tests) > 1 else ''}"
    said = [
        f"The claims of this report rest on {number_of} from a list that is the same for every study; {len(stand)} "
        f"{'stands' if len(stand) == 1 else 'stand'} after Holm's correction for all of them"
    ]
    for group, words in ((stand, "These stand"), ([each for each in tests if not each.stands], "These don't")):
        kinds = [kind for kind in _NAMES if any(each.kind == kind for each in group)]
        named = [f"{_NAMES[kind][0]} ({listed([_where(t) for t in group if t.kind == kind])})" for kind in kinds]
        said += [f"{words}: {'; '.join(named)}"] if named else []
    return ". ".join([*said, "All other p-values in this report are exploratory."])


def listing(study: StudyTables) -> Listing | None:
    """Each test that counts, with its p and that corrected for all of them."""
    tests = confirmatory_tests(study)
    if not tests:
        return None
    rows: list[list[str | list[str]]] = [
        [
            _NAMES[each.kind][0], _where(each), f"{_NAMES[each.kind][1]} = {number(each.statistic)}", p_value(each.p),
            p_value(each.corrected), "yes" if each.stands else "no",
        ]
        for each in tests
    ]  # fmt: skip
    columns = ("claim", "language", "statistic", "p", "p corrected for all", "stands")
    return Listing("confirmatory", "The tests that count", (), columns, {(): rows})


def _where(test: ConfirmatoryTest) -> str:
    return "–".join(map(language_name, test.languages))


SECTION = Section(
    place=105,
    anchor="confirmatory",
    title="Which tests count",
    tables=("beyond_words",),
    finding=finding,
    exhibits=(listing,),
    headline=True,
    reading="The list is the same for every study; a test that a study lacks the data for is left out. The tests are "
    "of standardised vectors at the layer shown first. For agreement, confounds and ratings, p is corrected for all "
    "layers. The cosine of the same emotion is tested at the layer shown alone, which was chosen by something else. "
    "Words are compared at a layer that was chosen without the stories that are decoded. Holm's correction keeps the "
    "chance that any test stands by mistake at 5 %.",
    misleading="The correction doesn't make a test more valid than it is: beyond confounds, p can be trusted only if "
    "these act on similarities. A test that doesn't stand is no evidence of the contrary. Steering, components, "
    "groups, single emotions and other layers are not on the list: their p-values are exploratory. The correction "
    "covers one study, not the number of studies that you ran.",
)
