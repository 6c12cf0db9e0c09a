"""Looking into a trained ViT: what reaches a token, where its heads look, what it answers from a part of its tokens."""

import copy

import torch
import torch.nn.functional as F

from helpers.chapters.ch10_vit.changed import blanked, mixed, scaled
from helpers.checks import whole
from helpers.costs import cost_table
from helpers.data import photograph, photographs
from helpers.models.efficientnet import prepared
from helpers.models.vit import EncoderBlock, ViT
from helpers.training import accuracy

SPOT = 2.0 * torch.stack([torch.arange(16) // 4, torch.arange(16) % 4], 1)  # of 16 patches of 2×2, in pixels
DISTANCE = (SPOT[:, None] - SPOT).norm(dim=2)  # (16, 16)


def kept_for_backward(block, T):
    """Return the bytes that autograd keeps of one sequence in one block, and how many of them are tables of T×T.

    block: an EncoderBlock; it is moved to the device "meta", where nothing is computed
    T:     tokens;  weights of the block are not counted
    """
    block, kept = block.to("meta"), {}
    weights = {each.untyped_storage()._cdata for each in block.parameters()}

    def pack(tensor):
        if tensor.untyped_storage()._cdata not in weights:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = block(torch.empty(1, T, block.ln_1.weight.numel(), device="meta", requires_grad=True))
    sizes = {key: each.untyped_storage().nbytes() for key, each in kept.items()}
    squares = sum(sizes[key] for key, each in kept.items() if each.shape[-2:] == (T, T))
    assert out.requires_grad
    return sum(sizes.values()), squares


def up_to(net, blocks):
    """Return the function from images (N, 1, 8, 8) to the tokens (N, T, D) after so many blocks of a ViT."""
    return lambda x: net.encoder.layers[:blocks](net.tokens(x) + net.encoder.pos_embedding)


def reach(features, at):
    """Return how many of 8×8 pixels the values at `at` of the features depend on: those with a gradient; random image."""
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
    return int((torch.autograd.grad(at(features(x)).sum(), x)[0] != 0).sum())


@torch.no_grad()
def between_patches(net, images):
    """Return how much each patch looks at each patch, (blocks, N, heads, 16, 16); each row sums to 1."""
    found = torch.stack(net.attention_weights(images))[..., net.extra_tokens :, net.extra_tokens :].cpu()
    return found / found.sum(-1, keepdim=True)


def mean_distance(weights):
    """Return the mean attention distance in pixels of each head: (blocks, N, heads, 16, 16) → (blocks, heads)."""
    return (weights * DISTANCE).sum(-1).mean((1, 3))


def patches_seen(weights):
    """Return over how many patches each head spreads its weights, 1 / Σw²: (blocks, N, heads, 16, 16) → (blocks, heads)."""
    return (1 / weights.square().sum(-1)).mean((1, 3))


def position_likeness(net):
    """Return the cosine of each patch's learnt position with each other's: (16, 16)."""
    positions = F.normalize(net.encoder.pos_embedding.detach().cpu()[0, net.extra_tokens :], dim=1)
    return positions @ positions.T


def nearest(features, classes):
    """Let one example of each class be known, and name all others by the nearest known one.

    features: (classes·k, D), the k examples of a class one after the other
    returns:  (k,) the share that is right in percent, for each choice of the known ones; by cosine
    """
    k = len(features) // classes
    likeness = F.normalize(features, dim=1) @ F.normalize(features, dim=1).T
    label, found = torch.arange(classes).repeat_interleave(k), []
    for known in range(k):
        of = torch.arange(classes) * k + known
        others = ~torch.isin(torch.arange(len(features)), of)
        found.append(100 * (likeness[others][:, of].argmax(1) == label[others]).float().mean())
    return torch.stack(found)


def filled_up(net, side):
    """Return the same ViT at another size of image: its old positions as far as they go, then random ones."""
    new = copy.deepcopy(net).resize(side)
    table, old = new.encoder.pos_embedding.data, net.encoder.pos_embedding.data
    table.copy_(0.5 * torch.randn(table.shape, generator=torch.Generator().manual_seed(0)))
    table[:, : old.shape[1]] = old[:, : table.shape[1]]
    return new


@torch.no_grad()
def token_orders(net, images, seed):
    """Return three orders of the patches of each image, {name: (N, 16)}, by how much the class token looks at them last."""
    looked = net.attention_weights(images)[-1][:, :, 0, 1:].mean(1).cpu()
    return {
        "most looked at": looked.argsort(1, descending=True),
        "least looked at": looked.argsort(1),
        "at random": torch.rand(looked.shape, generator=torch.Generator().manual_seed(seed)).argsort(1),
    }


@torch.no_grad()
def answer_from(net, images, kept):
    """Return the scores (N, classes) if only the patches `kept`, (N, k), of each image go into the encoder."""
    x = net.tokens(images) + net.encoder.pos_embedding
    patches = x[:, 1:].gather(1, kept[:, :, None].expand(-1, -1, x.shape[2]))
    return net.heads(net.encoder.ln(net.encoder.layers(torch.cat([x[:, :1], patches], 1)))[:, 0])


def right_from(net, some, order, k):
    """Return the share of right answers in percent from the first k patches of each image's order, (N, 16)."""
    device = net.class_token.device
    scores = answer_from(net, some.images.to(device), order[:, :k].to(device))
    return 100 * (scores.argmax(1).cpu() == some.labels).float().mean().item()


def alike(seed, apply, blocks=12):
    """Return how alike 17 random tokens are after each of twelve blocks with random weights: their mean cosine.

    apply: maps (block, x), x (1, 17, 64), to what is taken as the block's result
    """
    torch.manual_seed(seed)
    x, found = torch.randn(1, 17, 64), []
    with torch.no_grad():
        for block in [EncoderBlock(4, 64, 256) for _ in range(blocks)]:
            x = apply(block, x)
            found.append(F.cosine_similarity(x[0][:, None], x[0], dim=2)[~torch.eye(17).bool()].mean().item())
    return found


def vit_b(side, P):
    """Return (tokens, cost) of a ViT-B with patches of P for images of side × side; nothing is computed."""
    with torch.device("meta"):
        net = ViT(side, P, 12, 12, 768, 3072)
    return (side // P) ** 2 + 1, cost_table(net, (1, 3, side, side)).total


@torch.no_grad()
def change_by_moving(net, images, order):
    """Return the largest change of an output when the patches of the images and a ViT's positions get the same order."""
    other = copy.deepcopy(net)
    other.encoder.pos_embedding.data[:, 1:] = net.encoder.pos_embedding.data[:, 1:][:, order]
    return (other(mixed(images, order)) - net(images)).abs().max().item()


def accepts(net, x):
    """Return the shape of what a network answers, or what torch says in its way."""
    try:
        return tuple(net(x).shape)
    except RuntimeError as error:
        return str(error).split(" at ")[0]


def by_side(vits, cnns, some, sides):
    """Return {network: (seeds, sides)}: the share right in percent for images scaled to other sides."""
    ways = {
        "ViT, interpolated": (vits, lambda net, side: copy.deepcopy(net).resize(side)),
        "CNN, as it is": (cnns, lambda net, side: net),
        "ViT, filled up": (vits, filled_up),
    }
    return {
        how: torch.tensor([[100 * accuracy(change(net, side), scaled(some, side)) for side in sides] for net in nets])
        for how, (nets, change) in ways.items()
    }


def by_kept(vits, cnns, some, keep):
    """Return {network: (seeds, keep)}: the share right in percent when so many of 16 patches are kept.

    A ViT gets their tokens only; for a CNN the others are black.
    """
    device = vits[0].class_token.device
    orders = [token_orders(net, some.images.to(device), seed) for seed, net in enumerate(vits)]
    found = {
        f"ViT, {way}": torch.tensor(
            [[right_from(net, some, order[way], k) for k in keep] for net, order in zip(vits, orders, strict=True)]
        )
        for way in orders[0]
    }
    found["CNN, blanked at random"] = torch.tensor(
        [
            [100 * accuracy(net, blanked(some, order["at random"], k)) for k in keep]
            for net, order in zip(cnns, orders, strict=True)
        ]
    )
    return found


def grey_parts(k=3):
    """Return the shipped photographs in grey, each cut into k·k parts of 112×112: (photographs·k·k, 1, 112, 112)."""
    k = whole("k", k, 1)
    grey = torch.stack([photograph(name, 112 * k) for name in photographs()]).mean(1, keepdim=True)
    return grey.unfold(2, 112, 112).unfold(3, 112, 112).flatten(2, 3).transpose(1, 2).flatten(0, 1)


@torch.no_grad()
def features(frozen, pictures):
    """Return what an EfficientNet says before its last layer: (N, 1, H, W) → (N, 1280)."""
    few_at_a_time = pictures.split(20)  # which takes less memory
    return torch.cat([frozen.avgpool(frozen.features(prepared(few))).flatten(1) for few in few_at_a_time])


def filters_kept(before, after):
    """Return the mean cosine of each patch filter of a ViT with itself before training."""
    pair = (net.conv_proj.weight.detach().cpu().flatten(1) for net in (before, after))
    return F.cosine_similarity(*pair).mean().item()


def every_parameter_learns(net, images, labels):
    """Return whether one backward pass gives every parameter of a network a gradient that is not 0."""
    if isinstance(net, ViT):
        torch.nn.init.normal_(net.heads.head.weight, std=0.02)  # it begins at 0, and would let nothing through
    F.cross_entropy(net(images), labels).backward()
    return all(bool((each.grad != 0).any()) for each in net.parameters())
