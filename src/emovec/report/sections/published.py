"""The sections of the published method's read-outs."""

from emovec.report import page_tables
from emovec.report.section_plan import Plan
from emovec.report.sections import findings, lines, maps

PLANS = (
    Plan(
        "decoding", "Decoding", ("decoding", "lexical"), findings.decoding, (lines.decoding,),
        "Solid curves are trained and tested on one language with the test stories' topics held out, dashed ones "
        "are trained on one language and tested on the other; colour is the training language, marker the test "
        "language. Of a solid curve only what stands above the dash-dotted line of its colour says more than a bag "
        "of the story's words does; from one language to another such a bag can say nothing.",
        "A corpus whose stories repeat phrases for an emotion is decoded from those phrases, and an accuracy near 1"
        " then shows an easy corpus rather than a concept; stories that share plots across the split would inflate "
        "it in the same way.",
    ),
    Plan(
        "rsa", "Representational similarity across languages", ("rsa",), findings.rsa, (lines.rsa,),
        "Each point correlates the cosines of all emotion pairs in one language with those in the other; the grey "
        "band is what remains when one language's labels are shuffled, and filled points exceed the largest "
        "shuffled value over all layers in all but 5 % of permutations.",
        "A valence split alone makes any two emotion geometries agree, and shared topics or translated wording do "
        "so too; where raw and standardised differ much, one dimension rules the raw cosines and the raw curve "
        "should not be believed.",
        across=True,
    ),
    Plan(
        "crosslingual", "Cosine and retrieval across languages", ("crosslingual",), findings.crosslingual,
        (lines.crosslingual,),
        "On the left the vectors of the same emotion in two languages are compared with those of different "
        "emotions; on the right, how often the nearest vector of the other language is the same emotion.",
        "Centring pulls the mean cosine to slightly below zero, so compare with the other emotions and never with "
        "zero; a high retrieval among few or very different emotions is easily reached.",
        across=True,
    ),
    Plan(
        "cosine", "Cosine matrices", ("cosine", "order"), findings.cosine, (maps.cosine,),
        "Emotions stand in the order of a hierarchical clustering (average linkage on 1 − cosine), so that blocks "
        "along the diagonal are families; across languages both sides take the first language's order, and a bright"
        " diagonal means that an emotion is closest to itself.",
        "Order and colours invite seeing blocks in noise, and vectors of few stories are noisy; look whether the "
        "same blocks appear in the other language, at neighbouring layers, and in both raw and standardised "
        "vectors.",
    ),
    Plan(
        "clusters", "Clusters", ("clusters", "silhouette", "umap"), findings.clusters, (maps.clusters,
        lines.silhouette),
        "Colour is the k-means cluster, found in the full space; the position is a UMAP, in which only "
        "neighbourhoods mean anything. Silhouette tells how much closer an emotion lies to its own cluster than to "
        "the next: above about 0.5 clear, below about 0.2 hardly there.",
        "UMAP draws islands even from noise, and its distances, sizes and axes carry no meaning; k-means returns k "
        "clusters whether or not there are any. If points group by language, the map shows the language and not the"
        " emotion.",
        partial=True,
    ),
    Plan(
        "pca", "Principal components, valence and arousal", ("pca", "pca_variance", "axes", "poles"), findings.pca,
        (maps.pca, lines.axes),
        "The map shows emotions on the two directions of largest variance; the curves show how these correlate with "
        "the poles of the published method and human ratings of the words. A component has no sign of its own: one rule"
        " sets it at the first layer and each later one follows the layer before it, so a curve that jumps has a "
        "component that changed.",
        "What the first components mean depends on how the stories are written. The post's axes are made of the same "
        "vectors as the components, so that the poles of random words go with component 1 almost as well; a filled "
        "point is beyond what shuffled words or ratings give at any layer, component or scale in all but 5 % of "
        "shuffles. The two axes share the emotion thrilled and overlap by construction. The norms are English words, "
        "used for other languages through the label.",
        partial=True,
    ),
    Plan(
        "lens", "Logit lens", ("lens", "lens_hits"), findings.lens, (page_tables.lens_tokens, lines.lens_hits),
        "The lens reads a vector as if it were the last hidden state and lists the tokens that it would favour; the"
        " cleaned lens first takes out what all tokens share and leaves out tokens that the corpus's language does "
        "not use. White space is shown as ␣.",
        "Before the last third of the layers the lens need not speak the model's inner code, so a miss is no "
        "evidence of absence; a hit can come from the word itself or a close form standing in the stories.",
        partial=True,
    ),
    Plan(
        "outliers", "Outlier dimensions", ("outliers", "outlier_tokens"), findings.outliers, (lines.outliers,
        page_tables.carriers),
        "The curves show how much of the squared length of a language's vectors lies in the strongest single "
        "dimension and in the strongest few, for the mean vectors as they come from the model, those less their mean "
        "over emotions (centred), and those with the neutral texts' components taken out (denoised), which all other "
        "figures use; the table shows which tokens carry the centred vectors' strongest in a sample of the"
        " texts. With an even spread each dimension would hold one part in the hidden size.",
        "A large share in the mean vectors alone is an activation that all emotions have in common, and centring "
        "takes it out; where one dimension holds a large share of the vectors compared, every raw cosine, cluster and "
        "correlation at that layer is mostly about it; standardising evens it out but also lifts dimensions that hold "
        "nothing but noise.",
    ),
)  # fmt: skip
