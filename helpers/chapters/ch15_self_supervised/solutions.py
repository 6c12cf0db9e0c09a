"""Solutions of chapter 15."""

import copy
import math

import torch
import torch.nn.functional as F


# %% collapsed_loss
def collapsed_loss(N):
    """NT-Xent of a batch of N pictures (two views each) where all features are the same vector: a float."""
    ### BEGIN SOLUTION
    return math.log(2 * N - 1)
    ### END SOLUTION


# %% ruined
ruined = ...
### BEGIN SOLUTION
ruined = {
    "digits 6 and 9": "turn",
    "traffic lights": "colour",
    "left or right hand": "mirror",
    "where the ball is": "shift",
}
### END SOLUTION


# %% teacher_goal
def teacher_goal(scores, centre, sharp, speed):
    """What DINO's teacher says of a batch, and where its centre is next: (probabilities (N, K), centre (K,))."""
    ### BEGIN SOLUTION
    probabilities = ((scores - centre) / sharp).softmax(1)
    return probabilities, centre + speed * (scores.mean(0) - centre)
    ### END SOLUTION


# %% several_partners
def several_partners(z, labels, temperature):
    """The contrastive loss where all of one class are partners: z (N, D), labels (N,) → scalar."""
    ### BEGIN SOLUTION
    z = F.normalize(z, dim=1)
    me = torch.eye(len(z), dtype=torch.bool)
    logs = (z @ z.T / temperature).masked_fill(me, -torch.inf).log_softmax(1)
    alike = (labels[:, None] == labels) & ~me
    return -(logs.masked_fill(~alike, 0).sum(1) / alike.sum(1)).mean()
    ### END SOLUTION


# %% byol_mended
def byol_mended(make, predictor, x, noise, steps):
    """The loop above without its three bugs: what the online network makes of x after training."""
    ### BEGIN SOLUTION
    online = make()
    target, predictor = copy.deepcopy(online), copy.deepcopy(predictor)
    optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], 0.5)
    for step in range(steps):
        views = torch.cat([x + noise[2 * step], x + noise[2 * step + 1]])
        guess = F.normalize(predictor(online(views)), dim=1)
        with torch.no_grad():
            goal = F.normalize(target(views), dim=1).roll(len(x), 0)
        loss = 2 - 2 * (guess * goal).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), online.parameters()):
                slow.lerp_(fast, 0.1)
    with torch.no_grad():
        return online(x)
    ### END SOLUTION


# %% crossing
def crossing(labels, ahead, behind):
    """At how many labels the first is overtaken, by a line on a logarithmic axis; math.inf where it is not."""
    ### BEGIN SOLUTION
    gaps = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(ahead, behind)]
    for i in range(len(gaps) - 1):
        if gaps[i] > 0 >= gaps[i + 1]:
            share = gaps[i] / (gaps[i] - gaps[i + 1])
            return labels[i] * (labels[i + 1] / labels[i]) ** share
    return math.inf
    ### END SOLUTION
