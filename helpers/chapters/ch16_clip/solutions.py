"""Solutions of chapter 16."""

import math

import torch
import torch.nn.functional as F


# %% best_loss
def best_loss(n, scale):
    """The symmetric loss of n pairs with cosine 1 on the diagonal and -1 elsewhere: a float."""
    ### BEGIN SOLUTION
    return math.log(1 + (n - 1) * math.exp(-2 * scale))
    ### END SOLUTION


# %% info_nce
def info_nce(pictures, texts, log_scale):
    """The symmetric loss of N pairs: pictures, texts (N, D) of any norm; log_scale a scalar; returns a scalar tensor."""
    ### BEGIN SOLUTION
    scores = log_scale.exp().clamp(max=100) * F.normalize(pictures, dim=1) @ F.normalize(texts, dim=1).T
    right = torch.arange(len(scores))
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2
    ### END SOLUTION


# %% classify
def classify(pictures, prompts):
    """The nearest class of each picture: pictures (N, D), prompts (K, C, D), all of norm 1; returns (N,) int64."""
    ### BEGIN SOLUTION
    classes = F.normalize(prompts.mean(0), dim=1)
    return (pictures @ classes.T).argmax(1)
    ### END SOLUTION


# %% recall_at
def recall_at(cosines, k):
    """R@k from rows to columns, from 0 to 1: cosines (N, N), true pairs on the diagonal; rivals as near count as nearer."""
    ### BEGIN SOLUTION
    rivals = (cosines >= cosines.diagonal()[:, None]).sum(1) - 1  # less the true one itself
    return (rivals < k).float().mean().item()
    ### END SOLUTION


# %% really_wrong
def really_wrong(scene, told):
    """Whether a caption is wrong for a scene: each a list of (colour, form); returns a bool."""
    ### BEGIN SOLUTION
    return any(pair not in scene for pair in told)
    ### END SOLUTION
