"""Solutions of chapter 10."""

import torch
import torch.nn.functional as F


# %% overlapping_cost
def overlapping_cost(H, W, P, stride, D):
    """(tokens, multiply-adds of the first layer, multiply-adds of one block), three ints."""
    ### BEGIN SOLUTION
    windows = ((H - P) // stride + 1) * ((W - P) // stride + 1)
    T = windows + 1
    return T, windows * 3 * P * P * D, 12 * T * D * D + 2 * T * T * D
    ### END SOLUTION


# %% patches_to_rows
def patches_to_rows(images, P):
    """images (N, C, H, W) → (N, T, C·P·P), each patch a row: channels, rows, columns."""
    ### BEGIN SOLUTION
    N, C, H, W = images.shape
    cut = images.reshape(N, C, H // P, P, W // P, P).permute(0, 2, 4, 1, 3, 5)
    return cut.reshape(N, (H // P) * (W // P), C * P * P)
    ### END SOLUTION


# %% vit_forward
def vit_forward(x, state, heads):
    """x (N, C, H, W), the weights by name, the number of heads → the scores (N, classes)."""
    ### BEGIN SOLUTION
    P = state["conv_proj.weight"].shape[-1]

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], state[name + ".weight"], state[name + ".bias"], 1e-6)

    def linear(x, name):
        return F.linear(x, state[name + ".weight"], state[name + ".bias"])

    x = F.conv2d(x, state["conv_proj.weight"], state["conv_proj.bias"], stride=P).flatten(2).transpose(1, 2)
    x = torch.cat([state["class_token"].expand(len(x), -1, -1), x], dim=1) + state["encoder.pos_embedding"]
    N, T, D = x.shape
    blocks = {key.rpartition("encoder_layer_")[2].split(".")[0] for key in state if "encoder_layer_" in key}
    for i in range(len(blocks)):
        block = f"encoder.layers.encoder_layer_{i}."
        y, attention = norm(x, block + "ln_1"), block + "self_attention."
        qkv = F.linear(y, state[attention + "in_proj_weight"], state[attention + "in_proj_bias"])
        q, k, v = qkv.reshape(N, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(N, T, D)
        x = x + linear(y, attention + "out_proj")
        x = x + linear(F.gelu(linear(norm(x, block + "ln_2"), block + "mlp.0")), block + "mlp.3")
    return linear(norm(x, "encoder.ln")[:, 0], "heads.head")
    ### END SOLUTION


# %% tokens_mended
def tokens_mended(images, weight, class_token, positions):
    """images (N, C, H, W), weight (D, C, P, P), class_token (1, 1, D), positions (1, T + 1, D) → (N, T + 1, D)."""
    ### BEGIN SOLUTION
    N, D = len(images), len(weight)
    maps = F.conv2d(images, weight, stride=weight.shape[-1])  # (N, D, H/P, W/P)
    patches = maps.flatten(2).transpose(1, 2)  # channels last, places in their order
    return torch.cat([class_token.expand(N, 1, D), patches], dim=1) + positions
    ### END SOLUTION


# %% soft_distillation
def soft_distillation(student, teacher, labels, temperature):
    """Scores (N, classes) of both, labels (N,) with -100 for none → a scalar."""
    ### BEGIN SOLUTION
    learnt = F.cross_entropy(student, labels)  # leaves out -100
    softened = (student / temperature).log_softmax(1)
    wanted = (teacher / temperature).softmax(1)
    copied = F.kl_div(softened, wanted, reduction="batchmean") * temperature**2
    return (learnt + copied) / 2
    ### END SOLUTION
