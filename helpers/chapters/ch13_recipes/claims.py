"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "L5",
        "Weight decay and dropout work against over-fitting.",
        "condition",
        "they narrow the gap; they raise the score clearly only where training labels are wrong",
    ),
    Claim("L6", "A schedule, whether step, linear or cosine, starts with a large rate and ends with a small one."),
    Claim(
        "L7",
        "Stop early, when the validation score no longer improves.",
        "condition",
        "it pays where training learns wrong labels by heart; with right labels it gains nothing or costs a little",
    ),
    Claim(
        "L14",
        "Step schedule: every K epochs the rate becomes the factor times the first rate.",
        "wrong",
        "each fall multiplies the present rate: after n of them it is factor to the power of n times the first",
    ),
    Claim(
        "L15",
        "The step schedule has more settings than the cosine, and can make the curve jump.",
        "condition",
        "the jump is upwards, once, where the rate first falls",
    ),
    Claim(
        "L19",
        "Hyper-parameters are fixed while training.",
        "condition",
        "the rule is chosen before; the rate that follows it changes on the way",
    ),
)
