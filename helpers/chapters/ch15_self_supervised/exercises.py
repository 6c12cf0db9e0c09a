"""The exercises of chapter 15: a collapsed loss, harmful views, a teacher's goal, several positives, a loop with bugs, a crossing."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from helpers.course.exercises.engine import Exercise

# ------------------------------------------------------------------------------------------------------------- predict

Exercise(
    "collapsed_loss",
    reference=lambda N: math.log(2 * N - 1),
    cases=lambda: [dict(N=N) for N in (2, 3, 64, 128, 4096)],
    mistakes=[
        (lambda N: 0.0, "that is the loss where the partner is found with **certainty**: here all scores are equal."),
        (lambda N: math.log(2 * N), "a view is not compared with **itself**: one candidate less."),
        (lambda N: math.log(N), "there are **two** views of each picture: count the candidates again."),
        (lambda N: math.log(N - 1), "the other pictures have **two** views each, and the partner is a candidate too."),
        (lambda N: math.log(2 * N - 2), "those are the **negatives** alone: the partner is a candidate too."),
        (lambda N: math.log2(2 * N - 1), "that is in **bits**: cross-entropy takes the natural logarithm."),
        (
            lambda N: math.log(1 + (2 * N - 2) * math.exp(-2)),
            "that would be with cosine 1 for the partner and **0** for the others: here all cosines are 1.",
        ),
        (lambda N: -math.log(2 * N - 1), "the **sign**: a loss is −log of a probability, and positive."),
    ],
    hints=[
        "All cosines are 1, so all scores are equal, whatever the temperature: what does the softmax give?",
        "A batch of N pictures has 2N views; who are the candidates for one of them?",
        "2N − 1 candidates, each with probability 1 / (2N − 1).",
    ],
)

_VIEWS = {
    "digits 6 and 9": "turn",
    "traffic lights": "colour",
    "left or right hand": "mirror",
    "where the ball is": "shift",
}


def _but(**wrong):
    return _VIEWS | {name.replace("_", " "): value for name, value in wrong.items()}


def _swap(a, b):
    return _VIEWS | {a: _VIEWS[b], b: _VIEWS[a]}


Exercise(
    "ruined",
    reference=_VIEWS,
    mistakes=[
        (
            _but(digits_6_and_9="mirror"),
            "a 6 in a **mirror** is no 9: it has its loop below still. What makes a 9 of it?",
        ),
        (_but(digits_6_and_9="shift"), "a 6 that is **shifted** is a 6. What makes a 9 of it?"),
        (_but(digits_6_and_9="colour"), "a 6 in another **colour** is a 6. What makes a 9 of it?"),
        (
            _but(traffic_lights="shift"),
            "where the lamp is lit helps, but a **shift** moves the whole picture, its frame too. What else tells red from green?",
        ),
        (
            _but(traffic_lights="turn"),
            "a turned light can still be told by something else. What else tells red from green?",
        ),
        (
            _but(left_or_right_hand="turn"),
            "a left hand that is **turned** in the plane stays a left hand. What makes a right one of it?",
        ),
        (_but(left_or_right_hand="colour"), "hands do not differ by **colour**: what makes a right one of a left one?"),
        (
            _but(where_the_ball_is="turn"),
            "a turn moves the ball too, but one of the four changes **nothing else** than where it is.",
        ),
        (
            _but(where_the_ball_is="mirror"),
            "a mirror swaps two sides alone: one of the four changes **where** it is in general.",
        ),
        (_but(where_the_ball_is="colour"), "the ball stays where it is when its **colour** changes."),
        (
            _swap("digits 6 and 9", "left or right hand"),
            "a 6 in a **mirror** keeps its loop below, and a left hand that is **turned** stays a left hand.",
        ),
        (
            _swap("digits 6 and 9", "traffic lights"),
            "a 6 in another **colour** is a 6, and a red light that is **turned** is still red.",
        ),
        (
            _swap("digits 6 and 9", "where the ball is"),
            "a 6 that is **shifted** stays a 6, and a **turn** changes more than where the ball is.",
        ),
        (
            _swap("traffic lights", "left or right hand"),
            "hands do not differ by **colour**, and in a **mirror** a red light is red.",
        ),
        (
            _swap("traffic lights", "where the ball is"),
            "the ball stays where it is when its **colour** changes, and a red light that is **shifted** is red.",
        ),
        (
            _swap("left or right hand", "where the ball is"),
            "a left hand that is **shifted** stays a left hand; and which change moves the ball, and does nothing else?",
        ),
    ],
    hints=[
        "Ask of each task: which change turns the right answer into a wrong one?",
        "Features that do not change under it cannot tell the two apart.",
    ],
)

# --------------------------------------------------------------------------------------------------------------- build


def _goal(axis=1, sign=-1, late=False, of_probabilities=False, multiply=False, swap=False, plain=False, full=False):
    def goal(scores, centre, sharp, speed):
        moved = scores.softmax(1) if of_probabilities else scores
        new = moved.mean(0) if full else centre + (1 - speed if swap else speed) * (moved.mean(0) - centre)
        shifted = scores + sign * (new if late else centre)
        p = (shifted if plain else shifted * sharp if multiply else shifted / sharp).softmax(axis)
        return p, new

    return goal


def _goals():
    for seed, (n, k), sharp, speed in ((0, (4, 3), 0.1, 0.5), (1, (5, 7), 0.3, 0.1), (2, (6, 2), 0.5, 0.9)):
        dice = torch.Generator().manual_seed(seed)
        yield dict(
            scores=torch.randn(n, k, generator=dice),
            centre=torch.randn(k, generator=dice),
            sharp=sharp,
            speed=speed,
        )


Exercise(
    "teacher_goal",
    reference=_goal(),
    cases=lambda: list(_goals()),
    mistakes=[
        (
            _goal(axis=0),
            "the softmax runs over the **batch**: each picture has probabilities of its own, over K answers.",
        ),
        (_goal(sign=1), "the centre is **added**: subtract it, so that an answer that is given often loses."),
        (
            _goal(late=True),
            "the **new** centre is subtracted: the old one counts for this batch, the new one for the next.",
        ),
        (_goal(of_probabilities=True), "the centre follows the mean of the **probabilities**: it follows the scores."),
        (_goal(multiply=True), "the scores are **multiplied** by the temperature: divide, and a small one sharpens."),
        (_goal(plain=True), "the goal is not **sharpened**: divide by the temperature before the softmax."),
        (_goal(swap=True), "the shares are **exchanged**: the centre moves by `speed` of the way to the batch's mean."),
        (_goal(full=True), "the new centre is this batch's mean **alone**: it moves there by `speed` of the way."),
        (
            lambda scores, centre, sharp, speed: _goal()(scores, centre, sharp, speed)[::-1],
            "the two are in the wrong **order**: first the probabilities, then the new centre.",
        ),
        (
            lambda scores, centre, sharp, speed: _goal()(scores, centre, sharp, speed)[0],
            "the **new centre** is missing: return (probabilities, new centre).",
        ),
    ],
    hints=[
        "Two things are asked for: this batch's probabilities, and the next batch's centre. How does `dino_step` make its `goal`, "
        "and how does it move its centre?",
        "Subtract the centre, divide by `sharp`, softmax over the last axis. The new centre lies `speed` of the way from the old one to `scores.mean(0)`.",
        "`centre + speed * (scores.mean(0) - centre)`; do not change `centre` in place.",
    ],
)


def _several(temperature_twice=False, itself=False, log_of_mean=False, total=False, unit=True, one=False, out=False):
    def loss(z, labels, temperature):
        z = F.normalize(z, dim=1) if unit else z
        scores = z @ z.T / temperature
        me = torch.eye(len(z), dtype=torch.bool)
        logs = scores.masked_fill(me & (not out), -torch.inf).log_softmax(1)
        alike = (labels[:, None] == labels) & (~me | itself & out)
        if one:
            alike = alike & (alike.cumsum(1) == 1)
        if log_of_mean:
            each = -((logs.exp() * alike).sum(1) / alike.sum(1)).log()
        else:
            each = -logs.masked_fill(~alike, 0).sum(1) / (1 if total else alike.sum(1))
        return each.mean()

    return loss


def _labelled():
    for seed, labels, width, temperature in (
        (0, [0, 0, 1, 1, 1], 3, 0.5),
        (1, [2, 0, 2, 0, 1, 1, 2], 4, 0.2),
        (2, [0, 1, 0, 1], 2, 1.0),
    ):
        dice = torch.Generator().manual_seed(seed)
        yield dict(
            z=torch.randn(len(labels), width, generator=dice), labels=torch.tensor(labels), temperature=temperature
        )


Exercise(
    "several_partners",
    reference=_several(),
    cases=lambda: list(_labelled()),
    mistakes=[
        (
            _several(out=True),
            "each view is among its own **candidates**: set the diagonal to −∞ before the softmax.",
        ),
        (
            _several(itself=True, out=True),
            "each view is its own **partner**: leave the diagonal out, among partners and candidates.",
        ),
        (_several(unit=False), "the vectors are not brought to **norm 1**: cosines, not products."),
        (_several(total=True), "the **sum** over the partners is taken: each view counts once, so take their mean."),
        (
            _several(log_of_mean=True),
            "that is the logarithm of the **mean probability**: take the mean of the logarithms, partner by partner.",
        ),
        (_several(one=True), "only the **first** partner counts: all of the same class do."),
        (
            lambda z, labels, temperature: _several()(z, labels, 1 / temperature),
            "the cosines are **multiplied** by the temperature: divide.",
        ),
        (
            lambda z, labels, temperature: -_several()(z, labels, temperature),
            "the **sign**: the loss is −log of probabilities, and positive.",
        ),
        (
            lambda z, labels, temperature: len(z) * _several()(z, labels, temperature),
            "that is the **sum** over the views: take their mean.",
        ),
    ],
    grad=True,
    hints=[
        "Begin as in `nt_xent`: norm 1, all cosines, over the temperature, the diagonal at −∞; then `log_softmax(1)`.",
        "`alike = (labels[:, None] == labels) & ~torch.eye(len(z), dtype=torch.bool)` says who is whose partner.",
        "The diagonal's log is −∞, and 0 · −∞ is nan: use `logs.masked_fill(~alike, 0)`, sum over 1, divide by alike.sum(1).",
    ],
)


# --------------------------------------------------------------------------------------------------------------- debug


def _byol_loop(flow=False, backwards=False, own=False, frozen=False, sharp_turn=False):
    def train(make, predictor, x, noise, steps):
        online = make()
        target, predictor = copy.deepcopy(online), copy.deepcopy(predictor)
        optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], 0.5)
        for step in range(steps):
            views = torch.cat([x + noise[2 * step], x + noise[2 * step + 1]])
            guess = F.normalize(predictor(online(views)), dim=1)
            goal = F.normalize((online if flow else target)(views), dim=1)
            goal = goal if flow else goal.detach()
            goal = goal if own else goal.roll(len(x), 0)
            loss = 2 - 2 * (guess * goal).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for slow, fast in zip(target.parameters(), online.parameters()):
                    if backwards:
                        fast.lerp_(slow, 0.1)
                    elif sharp_turn:
                        slow.lerp_(fast, 0.9)
                    elif not frozen:
                        slow.lerp_(fast, 0.1)
        with torch.no_grad():
            return online(x)

    return train


def _nets():
    # With the first optimizer torch loads a part of itself that replaces functions of torch: not while checking
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    for seed, n, steps in ((0, 6, 8), (1, 9, 5), (2, 7, 12)):

        def make(sizes=(5, 8, 4), seed=seed):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                float32 = {"dtype": torch.float32}  # whatever the default is
                return nn.Sequential(nn.Linear(*sizes[:2], **float32), nn.ReLU(), nn.Linear(*sizes[1:], **float32))

        dice = torch.Generator().manual_seed(seed)
        yield dict(
            make=make,
            predictor=make((4, 6, 4), seed + 10),
            x=torch.randn(n, 5, generator=dice),
            noise=0.5 * torch.randn(2 * steps, n, 5, generator=dice),
            steps=steps,
        )


Exercise(
    "byol_mended",
    reference=_byol_loop(),
    cases=lambda: list(_nets()),
    mistakes=[
        (
            _byol_loop(flow=True),
            "one is left: the goal comes from the **online** network, and the gradient flows into it.",
        ),
        (
            _byol_loop(backwards=True),
            "one is left: the **online** network follows the target; it shall be the other way round.",
        ),
        (_byol_loop(own=True), "one is left: each view predicts **itself**: the goal of a view is the other view's."),
        (
            _byol_loop(flow=True, backwards=True),
            "the views are right. Two are left: look at where the **goal** comes from, and at **who follows** whom.",
        ),
        (
            _byol_loop(flow=True, own=True),
            "the target follows. Two are left: look at where the **goal** comes from, and **which view** it is of.",
        ),
        (
            _byol_loop(backwards=True, own=True),
            "the goal is the target's. Two are left: look at **which view** it is of, and at **who follows** whom.",
        ),
        (_byol_loop(frozen=True), "the target never **moves**: it shall follow by 0.1 after each step."),
        (_byol_loop(sharp_turn=True), "the target follows by **0.9**: it shall keep 0.9 of itself and take 0.1."),
    ],
    hints=[
        "Where does the goal come from, and which weights does `loss.backward()` reach? There is a `target`.",
        "Views a and b stand one after the other in `views`: row 0 and row len(x) are of one picture.",
        "`slow.lerp_(fast, 0.1)` moves `slow` a tenth of the way to `fast`: who is who?",
    ],
    tol=1e-3,
    seconds=20,
)

# ---------------------------------------------------------------------------------------------------------- experiment


def _cross(linear=False, first=True, own=True, largest=False):
    def crossing(labels, ahead, behind):
        gaps = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(ahead, behind)]
        if largest:
            gaps = [max(a) - max(b) for a, b in zip(ahead, behind)]
        for i in range(len(gaps) - 1) if first else reversed(range(len(gaps) - 1)):
            if gaps[i] > 0 >= gaps[i + 1]:
                share = gaps[i] / (gaps[i] - gaps[i + 1]) if own else 1.0
                if linear:
                    return labels[i] + share * (labels[i + 1] - labels[i])
                return labels[i] * (labels[i + 1] / labels[i]) ** share
        return math.inf

    return crossing


Exercise(
    "crossing",
    reference=_cross(),
    cases=lambda: [
        dict(labels=[5, 50], ahead=[[70, 80, 90], [90, 91, 92]], behind=[[50, 50, 50], [60, 60, 60]]),
        dict(labels=[10, 100, 1000], ahead=[[80, 90], [91, 93], [94, 95]], behind=[[60, 70], [95, 96], [98, 99]]),
        dict(labels=[10, 20, 50], ahead=[[70.0], [80.0], [85.0]], behind=[[60.0], [78.0], [91.0]]),
    ],
    mistakes=[
        (
            _cross(linear=True),
            "the line between two counts is drawn on an **even** axis: on this one each step is a factor.",
        ),
        (_cross(own=False), "that is the first **count** at which it is behind: the lines cross before it."),
        (_cross(largest=True), "the **best** seeds are compared: compare the means."),
        (
            lambda labels, ahead, behind: (
                found if (found := _cross()(labels, ahead, behind)) < math.inf else labels[-1]
            ),
            "they need not **cross**: where `ahead` is never overtaken, return math.inf.",
        ),
        (
            lambda labels, ahead, behind: math.log10(_cross()(labels, ahead, behind)),
            "that is the **logarithm** of the answer: raise 10 to it.",
        ),
    ],
    hints=[
        "The mean over the seeds first, then the gap `ahead − behind` at each count of labels.",
        "Find the first i with gap[i] > 0 and gap[i + 1] ≤ 0; the line crosses at the share gap[i] / (gap[i] − gap[i + 1]) of the way.",
        "On a logarithmic axis that is labels[i] · (labels[i + 1] / labels[i]) ** share.",
    ],
)
