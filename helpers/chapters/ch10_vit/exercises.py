"""The exercises of chapter 10, ViT."""

import torch
import torch.nn.functional as F

from helpers.course.exercises.engine import Exercise


def _dice(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- 1. Predict: overlapping patches


def _overlap(H, W, P, stride, D, extra=1, fit=lambda side, P, stride: (side - P) // stride + 1, channels=3, mlp=8):
    T = fit(H, P, stride) * fit(W, P, stride)
    first, T = T * channels * P * P * D, T + extra
    return T, first, (4 + mlp) * T * D * D + 2 * T * T * D


def _without(*left_out):
    """Return the answer with parts of a block left out: "scores", "average" or "projections"."""

    def wrong(H, W, P, stride, D):
        T, first, block = _overlap(H, W, P, stride, D)
        parts = {"scores": T * T * D, "average": T * T * D, "projections": 4 * T * D * D}
        return T, first, block - sum(parts[each] for each in left_out)

    return wrong


Exercise(
    "overlapping_cost",
    reference=lambda H, W, P, stride, D: _overlap(H, W, P, stride, D),
    cases=lambda: [
        dict(H=224, W=224, P=16, stride=16, D=768),
        dict(H=64, W=96, P=16, stride=8, D=48),
        dict(H=30, W=20, P=6, stride=2, D=12),
        dict(H=33, W=50, P=8, stride=5, D=20),
    ],
    mistakes=[
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, fit=lambda side, P, stride: side // stride),
            "the last window must still **fit**: (side − P) // stride + 1 places each way, not side // stride.",
        ),
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, fit=lambda side, P, stride: side // P),
            "the **stride** plays no part: windows overlap, so there are more than side // P each way.",
        ),
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, fit=lambda side, P, stride: (side - P) // stride),
            "one window is missing each way: the first stands at **place 0**, so + 1.",
        ),
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, extra=0),
            "the **class token** is missing: T is one more than the number of windows.",
        ),
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, channels=1),
            "the first layer sees **three colours**: 3·P·P numbers a window.",
        ),
        (
            lambda H, W, P, stride, D: (
                _overlap(H, W, P, stride, D)[:1]
                + (_overlap(H, W, P, stride, D)[0] * 3 * P * P * D,)
                + _overlap(H, W, P, stride, D)[2:]
            ),
            "the **class token** is not cut from the image: the first layer works on the windows only.",
        ),
        (
            lambda H, W, P, stride, D: (
                _overlap(H, W, P, stride, D)[:1]
                + (_overlap(H, W, P, stride, D)[1] // (P * P) * stride * stride,)
                + _overlap(H, W, P, stride, D)[2:]
            ),
            "a window holds **P·P** pixels of each colour, however far the next one stands.",
        ),
        (_without("scores", "average"), "in the block **scores and average** are missing: T·T·D each."),
        (_without("scores"), "in the block one of two is missing: **scores** and average take T·T·D each."),
        (_without("projections"), "in the block the **four projections** are missing: T·D·D each."),
        (
            lambda H, W, P, stride, D: _overlap(H, W, P, stride, D, mlp=2),
            "the **MLP** of the block is too small: D·4D there, and 4D·D back.",
        ),
        (
            lambda H, W, P, stride, D: (
                (_overlap(H, W, P, stride, D)[0],) + tuple(2 * each for each in _overlap(H, W, P, stride, D)[1:])
            ),
            "those are **FLOPs**: asked for are multiply-adds, half of that.",
        ),
    ],
    hints=[
        "How many windows of P with this stride fit into H, and into W? Chapter 1 has the formula.",
        "First layer: 3·P·P·D for each window. Block: 12·T·D² + 2·T²·D, with the class token in T.",
        "`T = ((H - P) // stride + 1) * ((W - P) // stride + 1) + 1`",
    ],
)


# ---- 2. Build: from pictures to patches


def _patch_cases():
    shapes = (((2, 3, 4, 6), 2), ((1, 2, 9, 6), 3), ((3, 1, 8, 4), 4))
    return [{"images": torch.randn(*shape, generator=_dice()), "P": P} for shape, P in shapes]


def _cut(images, P):
    """(N, C, H, W) → (N, C, rows, P, columns, P)."""
    return images.unflatten(2, (-1, P)).unflatten(4, (-1, P))


def _patches(images, P):
    return _cut(images, P).permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


Exercise(
    "patches_to_rows",
    reference=_patches,
    cases=_patch_cases,
    mistakes=[
        (
            lambda images, P: images.reshape(len(images), -1, images.shape[1] * P * P),
            (
                "the numbers are only **counted off** in their old order: a row then holds pieces of lines, not a"
                " square. Split H and W first, then permute."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2),
            "the patches go **column by column**: read the picture like a text, row by row.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2),
            (
                "inside a patch the **channels come last**: a convolution's weight has them first, then rows, then"
                " columns."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 1, 5, 3).flatten(3).flatten(1, 2),
            "each patch is **turned over** its diagonal: inside it, rows come before columns.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 3, 5, 1, 2, 4).flatten(3).flatten(1, 2),
            (
                "what was taken together are pixels **P apart**: of H split into (rows, P), the second is the place"
                " inside the patch."
            ),
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 2, 4, 1, 3, 5).flatten(3),
            (
                "the grid is still there: (N, rows, **columns**, numbers). Join rows and columns to one dimension of T"
                " tokens."
            ),
        ),
        (
            lambda images, P: _patches(images, P).transpose(1, 2),
            "tokens and their numbers are **exchanged**: asked for is (N, T, C·P·P); `F.unfold` gives the other.",
        ),
        (
            lambda images, P: _cut(images, P).permute(0, 1, 2, 4, 3, 5).flatten(4).flatten(1, 3),
            "each **channel** has tokens of its own: a patch's row holds all C channels, one after the other.",
        ),
    ],
    hints=[
        (
            "Split H into rows and P, W into columns and P; bring rows and columns to the front; join what belongs"
            " together."
        ),
        "`images.reshape(N, C, rows, P, columns, P)`, with rows = H // P and columns = W // P.",
        "then `.permute(0, 2, 4, 1, 3, 5)` gives (N, rows, columns, C, P, P), and one more reshape the rest.",
    ],
)


# ---- 3. Build: the forward pass from weights alone


def _vit_cases():
    found = []
    for seed, (N, C, side, P, D, heads, blocks, classes) in enumerate(
        ((2, 3, 8, 4, 12, 3, 2, 5), (3, 1, 6, 2, 8, 2, 1, 4), (1, 2, 12, 4, 10, 5, 3, 7))
    ):
        dice, T = _dice(seed), (side // P) ** 2 + 1
        shapes = {
            "conv_proj.weight": (D, C, P, P),
            "conv_proj.bias": (D,),
            "class_token": (1, 1, D),
            "encoder.pos_embedding": (1, T, D),
            "encoder.ln.weight": (D,),
            "encoder.ln.bias": (D,),
            "heads.head.weight": (classes, D),
            "heads.head.bias": (classes,),
        }
        for i in range(blocks):
            name = f"encoder.layers.encoder_layer_{i}."
            for norm in ("ln_1", "ln_2"):
                shapes |= {f"{name}{norm}.weight": (D,), f"{name}{norm}.bias": (D,)}
            shapes |= {
                f"{name}self_attention.in_proj_weight": (3 * D, D),
                f"{name}self_attention.in_proj_bias": (3 * D,),
                f"{name}self_attention.out_proj.weight": (D, D),
                f"{name}self_attention.out_proj.bias": (D,),
                f"{name}mlp.0.weight": (2 * D, D),
                f"{name}mlp.0.bias": (2 * D,),
                f"{name}mlp.3.weight": (D, 2 * D),
                f"{name}mlp.3.bias": (D,),
            }
        state = {
            key: torch.randn(shape, generator=dice, dtype=torch.float32) * (0.4 if len(shape) > 1 else 0.2)
            + (".ln" in key and key.endswith("weight"))
            for key, shape in shapes.items()
        }
        x = torch.randn(N, C, side, side, generator=dice, dtype=torch.float32)
        found.append({"x": x, "state": state, "heads": heads})
    return found


def _vit(
    reshape=False, late=False, places=True, scaled=True, post=False, first=True, second=True, relu=False, last=True, mean=False,
    mixed=False, out=True,
):  # fmt: skip
    """Return vit_forward with one thing different."""

    def norm(x, state, name):
        return F.layer_norm(x, x.shape[-1:], state[name + ".weight"], state[name + ".bias"], 1e-6)

    def attend(x, state, name, heads):
        N, T, D = x.shape
        qkv = F.linear(x, state[name + "in_proj_weight"], state[name + "in_proj_bias"])
        if mixed:
            q, k, v = qkv.reshape(N, T, heads, 3, D // heads).permute(3, 0, 2, 1, 4)
        else:
            q, k, v = qkv.reshape(N, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(2, 3)
        weights = (scores / (D // heads) ** 0.5 if scaled else scores).softmax(-1)
        x = (weights @ v).transpose(1, 2).reshape(N, T, D)
        return F.linear(x, state[name + "out_proj.weight"], state[name + "out_proj.bias"]) if out else x

    def mlp(x, state, name):
        x = F.linear(x, state[name + "0.weight"], state[name + "0.bias"])
        return F.linear(F.relu(x) if relu else F.gelu(x), state[name + "3.weight"], state[name + "3.bias"])

    def forward(x, state, heads):
        P = state["conv_proj.weight"].shape[-1]
        x = F.conv2d(x, state["conv_proj.weight"], state["conv_proj.bias"], stride=P)
        x = x.reshape(len(x), -1, x.shape[1]) if reshape else x.flatten(2).transpose(1, 2)
        token = state["class_token"].expand(len(x), -1, -1)
        x = torch.cat([x, token] if late else [token, x], 1)
        x = x + state["encoder.pos_embedding"] if places else x
        blocks = len({key.split(".")[2] for key in state if key.startswith("encoder.layers.")})
        for i in range(blocks):
            name = f"encoder.layers.encoder_layer_{i}."
            if post:
                x = norm(x + attend(x, state, name + "self_attention.", heads), state, name + "ln_1")
                x = norm(x + mlp(x, state, name + "mlp."), state, name + "ln_2")
                continue
            y = attend(norm(x, state, name + "ln_1"), state, name + "self_attention.", heads)
            x = x + y if first else y
            y = mlp(norm(x, state, name + "ln_2"), state, name + "mlp.")
            x = x + y if second else y
        x = norm(x, state, "encoder.ln") if last else x
        seen = x[:, 1:].mean(1) if mean else x[:, -1] if late else x[:, 0]
        return F.linear(seen, state["heads.head.weight"], state["heads.head.bias"])

    return forward


Exercise(
    "vit_forward",
    reference=_vit(),
    cases=_vit_cases,
    mistakes=[
        (
            _vit(reshape=True),
            (
                "the patches are **reshaped**, not transposed: a token then holds the numbers of many places, channel after"
                " channel. `flatten(2).transpose(1, 2)`."
            ),
        ),
        (_vit(late=True), "the class token stands **last**: it comes first, as position 0 is its own."),
        (_vit(places=False), "the **positions** are not added: `encoder.pos_embedding`, before the first block."),
        (_vit(scaled=False), "the scores are not **divided** by √(D / heads)."),
        (_vit(post=True), "the norms stand **after** the additions: ViT is pre-norm, they stand before each branch."),
        (_vit(first=False), "attention **replaces** the tokens: its result must be added to what came in."),
        (_vit(second=False), "the MLP **replaces** the tokens: its result must be added to what came in."),
        (_vit(first=False, second=False), "both **additions** are missing: each branch is added to what came in."),
        (_vit(relu=True), "there is a **ReLU** in the MLP: ViT has GELU."),
        (_vit(last=False), "the **last norm**, `encoder.ln`, is missing before the head."),
        (_vit(mean=True), "the head sees the **mean of the patches**: this ViT classifies its class token, `x[:, 0]`."),
        (
            _vit(mixed=True),
            "**q, k, v** are cut wrongly: of 3·D numbers the first D are queries, then keys, then values; then come heads.",
        ),
        (_vit(out=False), "`out_proj`, the linear layer after the heads are **merged**, is missing."),
    ],
    hints=[
        "Go through the three classes of “A whole ViT, to retype” from the last to the first, and replace each module by its function.",
        (
            "The blocks: count the names that begin with `encoder.layers.`. `F.layer_norm(x, x.shape[-1:], weight, bias,"
            " 1e-6)` is a norm; stride is `state['conv_proj.weight'].shape[-1]`."
        ),
        (
            "Attention: `qkv.reshape(N, T, 3, heads, -1).permute(2, 0, 3, 1, 4)`, and then"
            " `F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(N, T, D)`."
        ),
    ],
    tol=1e-3,
)


# ---- 4. Debug: tokens with three bugs


def _token_cases():
    found = []
    for seed, (N, C, rows, columns, P, D) in enumerate(((2, 3, 2, 3, 2, 5), (3, 1, 3, 2, 2, 4), (4, 2, 2, 2, 3, 6))):
        dice = _dice(seed)
        found.append(
            {
                "images": torch.randn(N, C, rows * P, columns * P, generator=dice),
                "weight": torch.randn(D, C, P, P, generator=dice),
                "class_token": torch.randn(1, 1, D, generator=dice),
                "positions": torch.randn(1, rows * columns + 1, D, generator=dice),
            }
        )
    return found


def _tokens(reshape=False, centred=False, late=False, no_places=False, columns=False):
    def tokens(images, weight, class_token, positions):
        N, D = len(images), len(weight)
        maps = F.conv2d(images, weight, stride=weight.shape[-1])
        maps = maps.transpose(2, 3) if columns else maps
        patches = maps.reshape(N, -1, D) if reshape else maps.flatten(2).transpose(1, 2)
        if centred:
            patches = patches - patches.mean(dim=0) + patches.mean()
        token = class_token.expand(N, 1, D)
        found = torch.cat([patches, token] if late else [token, patches], dim=1)
        return found if no_places else found + positions

    return tokens


_RESHAPED = (
    "a token still mixes **places and channels**: `reshape(N, -1, D)` counts the numbers off in the order (D, H, W)."
)
_CENTRED = "a token still depends on the **other images** of the batch: nothing may be averaged over dimension 0."
_LATE = "the **class token** still stands last, so each patch gets its neighbour's position: it belongs first."

Exercise(
    "tokens_mended",
    reference=_tokens(),
    cases=_token_cases,
    mistakes=[
        (_tokens(True, True, True), f"nothing has changed yet. Begin here: {_RESHAPED}"),
        (_tokens(True, True), f"the class token stands right now; two bugs are left. {_RESHAPED}"),
        (_tokens(True, False, True), f"the batch is left out now; two bugs are left. {_RESHAPED}"),
        (_tokens(False, True, True), f"places and channels are right now; two bugs are left. {_CENTRED}"),
        (_tokens(True), f"two bugs are gone, one is left: {_RESHAPED}"),
        (_tokens(centred=True), f"two bugs are gone, one is left: {_CENTRED}"),
        (_tokens(late=True), f"two bugs are gone, one is left: {_LATE}"),
        (_tokens(no_places=True), "the **positions** are gone: that line was right."),
        (_tokens(columns=True), "the patches now go **column by column**: `flatten(2)` before the transpose."),
    ],
    hints=[
        "Feed an image that is black but for one patch. Which tokens differ from those of a black image?",
        "Feed the same image alone, and in a batch with others. Are its tokens the same?",
        "`maps.flatten(2).transpose(1, 2)`; no mean over the batch; `torch.cat([class_token, patches], dim=1)`.",
    ],
)


# ---- 5. Build: soft distillation without a token


def _distil_cases():
    found = []
    for N, C, temperature in ((6, 4, 3.0), (5, 3, 1.5), (7, 10, 5.0)):
        dice = _dice(N)
        student, teacher = (2 * torch.randn(N, C, generator=dice) for _ in range(2))
        labels = torch.randint(C, (N,), generator=dice)
        labels[1::3] = -100
        found.append({"student": student, "teacher": teacher, "labels": labels, "temperature": temperature})
    return found


def _divergence(log_p, log_q, mean):
    """Return KL(q ‖ p), of rows: their "batchmean", "sum", or the "mean" over all numbers."""
    found = log_q.exp() * (log_q - log_p)
    return found.sum() / len(found) if mean == "batchmean" else getattr(found, mean)()


def _soft(squared=True, both=True, reverse=False, cut=True, whole=1.0, mean="batchmean", one=False, hard=False):
    def loss(student, teacher, labels, temperature):
        t = temperature if not one else 1.0
        log_p = (student / (t if both else 1.0)).log_softmax(1)
        log_q = (teacher / t).log_softmax(1)
        if hard:
            copied = F.cross_entropy(student, teacher.argmax(1))
        elif reverse:
            copied = _divergence(log_q, log_p, mean)
        else:
            copied = _divergence(log_p, log_q, mean)
        copied = copied * (t**2 if squared and not hard else 1.0)
        learnt = F.cross_entropy(student, labels) if cut else F.cross_entropy(student, labels.clamp(min=0))
        return whole * (learnt + copied) / 2

    return loss


Exercise(
    "soft_distillation",
    reference=_soft(),
    cases=_distil_cases,
    grad=True,
    mistakes=[
        (_soft(squared=False), "the divergence is not multiplied by the **temperature squared**."),
        (_soft(whole=2.0), "that is the **sum** of both parts: take half of each."),
        (_soft(both=False), "only the **teacher** is softened: divide the student's scores by the temperature too."),
        (_soft(one=True), "the **temperature** plays no part: divide both scores by it before the softmax."),
        (
            _soft(reverse=True),
            "the divergence goes the **other way**: KL(teacher ‖ student) weights with the teacher's probabilities.",
        ),
        (
            _soft(mean="mean"),
            'the mean is over images **and classes**: `reduction="batchmean"` divides by the number of images.',
        ),
        (_soft(mean="sum"), "the divergence is the **sum** over the images: it must be their mean."),
        (_soft(cut=False), "the label **-100** says that there is none: leave those images out of the cross-entropy."),
        (_soft(hard=True), "only the teacher's **most likely class** is copied: that is hard distillation."),
        (
            lambda student, teacher, labels, temperature: F.cross_entropy(student, labels),
            "the **teacher** is missing: half of the loss compares the softened probabilities.",
        ),
    ],
    hints=[
        "Two parts, half of each: `F.cross_entropy(student, labels)` leaves out -100 by itself.",
        "Softened: `(scores / temperature).softmax(1)`, of both.",
        "`F.kl_div(log of the student's, the teacher's, reduction=\"batchmean\") * temperature**2`",
    ],
)
