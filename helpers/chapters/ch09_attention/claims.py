"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "I1",
        "The query says what is asked, the key what each input offers, the value what it holds. Attention "
        "turns the similarity of query and keys into a probability distribution, and averages the values "
        "with it.",
    ),
    Claim(
        "I2",
        "Similar patches relate to each other whatever their distance in the image.",
        "condition",
        "as long as nothing in queries and keys says where a patch lies; with positions in them, distance counts",
    ),
    Claim(
        "I3",
        "In self-attention queries, keys and values all come from one input; what belongs together in it is found.",
        "condition",
        "what counts as belonging together is what queries and keys compare; another head finds something else",
    ),
    Claim(
        "I4",
        "In cross-attention the queries come from one source, such as image patches, the keys and values "
        "from another, such as text; that needs a space that both share.",
    ),
    Claim(
        "I5",
        "A CNN is local, without far context and without order; an RNN has order, but far context is hard "
        "for it (the gradient vanishes); an LSTM has order and far context, but dilutes; attention has far "
        "context without dilution, but no order, and so needs positional encoding.",
        "condition",
        "each entry depends on something: a CNN has order inside its field and reaches as far as the field, "
        "an RNN or LSTM as far as start and budget let it, attention as far as its learnt scores lift one token "
        "above the others",
    ),
    Claim(
        "I6",
        "Attention by itself does not see order.",
    ),
    Claim(
        "I7",
        "Three positional encodings: a learnable one fits its data but must be trained anew for another "
        "resolution; the sinusoidal one is the same rule at any resolution, but is not fitted; a relative "
        "one works at any resolution, but is blind to absolute position.",
        "condition",
        "learnable ones are usually interpolated, not trained anew: right where places stretch with the "
        "input, wrong where they are counted; a rule for any size is no promise that what was learnt with it "
        "carries over",
    ),
    Claim(
        "I8",
        "The key is what the other tokens of the input offer.",
        "wrong",
        "the token itself is among the keys; behind a causal mask it is the only key that the first token has",
    ),
    Claim(
        "I9",
        "Relative encodings cannot tell an image from its mirror image.",
        "wrong",
        "an offset changes its sign under mirroring, so a table of offsets can tell them apart; one of distances cannot",
    ),
    Claim(
        "I10",
        "Sinusoidal encodings are robust to a change of resolution.",
        "condition",
        "the rule goes on at any size, but a network trained at one meets values that it never saw: what it learnt "
        "carries over in some tasks only",
    ),
    Claim(
        "I11",
        "Learnable encodings, being fitted to the data, perform better.",
        "wrong",
        "in the ViT paper's own ablation one-dimensional, two-dimensional and relative encodings are nearly equal, and "
        "only none at all is worse; where learnable ones beat sinusoidal ones here, rotary ones, not fitted either, do too",
    ),
)
