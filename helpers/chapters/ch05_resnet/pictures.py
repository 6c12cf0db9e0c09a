"""The figures of chapter 05 whose code is not its subject."""

from helpers import plots


def draw_block(ax, title, steps):
    """Draw a column of boxes from x at the bottom; where one of them is "+", a way around leads from x to it."""
    ax.text(0, -0.75, "x", ha="center", va="center", fontsize=17)
    for height, step in enumerate(steps):
        colour = "#F6CDB2" if "ReLU" in step else "#B2E2D5" if step == "+" else "#CFE8F8"
        box = dict(boxstyle="round,pad=0.35", facecolor=colour, edgecolor="black")
        ax.text(0, height, step, ha="center", va="center", fontsize=15, bbox=box)
    ax.plot([0, 0], [-0.5, len(steps) - 0.3], color="black", linewidth=1.5, zorder=0)
    if "+" in steps:
        join = steps.index("+")
        ax.plot([0, 1.25, 1.25, 0], [-0.5, -0.5, join, join], color=plots.BLUE, linewidth=3, zorder=0)
    ax.set(xlim=(-1.4, 1.6), ylim=(-1.1, 7.2), title=title)
    ax.set_axis_off()


def draw_widths(ax, title, layers, projection=""):
    """Draw a residual block from the bottom up, each map as a bar as wide as its channels, all blocks to one scale.

    layers:     channels and the convolutions between them in turn: [64, "3×3", 64]
    projection: what stands in the shortcut, "" for nothing
    """
    widest = 512
    for place, channels in enumerate(layers[::2]):
        ax.barh(
            2 * place, channels / widest, height=0.7, left=-channels / widest / 2, color=plots.SKY, edgecolor="black"
        )
        ax.text(0, 2 * place, str(channels), ha="center", va="center", fontsize=15)
    top = len(layers) - 1
    for place, words in enumerate(layers[1::2]):
        ax.annotate("", (0, 2 * place + 1.6), (0, 2 * place + 0.4), arrowprops=dict(arrowstyle="-|>", linewidth=1.8))
        ax.text(0.04, 2 * place + 1, words, va="center", fontsize=14)
    way = (0.58, layers[0] / widest / 2, layers[-1] / widest / 2)
    ax.plot([way[1], way[0], way[0], way[2]], [0, 0, top, top], color=plots.BLUE, linewidth=3, zorder=0)
    ax.text(way[0] + 0.04, top / 2, projection, va="center", rotation=90, fontsize=14, color=plots.BLUE)
    ax.set(xlim=(-0.55, 0.75), ylim=(-0.6, 6.6), title=title)
    ax.set_axis_off()


def draw_switched_off(axes, untouched, one_off, shortcut, several):
    """Draw what is left of each picture's probability with single blocks switched off, and of the answers with several.

    untouched: (pictures,) with no block off
    one_off:   (blocks, pictures), a row for each block
    shortcut:  for each block, whether it has one
    several:   {how many blocks are off: answers that stay, for each choice}
    """
    ax = axes[0]
    kinds = {None: ("no block off", "o", plots.GREY)}
    kinds |= {True: ("block with shortcut", "s", plots.BLUE), False: ("block without", "^", plots.RED)}
    for kind, (words, marker, colour) in kinds.items():
        places = [place for place, has in enumerate([None, *shortcut]) if has is kind]
        rows = [untouched if place == 0 else one_off[place - 1] for place in places]
        x = [place for place, row in zip(places, rows) for _ in row]
        ax.plot(x, [value for row in rows for value in row], marker, color=colour, markersize=7, label=words)
    ax.set(
        xticks=range(len(shortcut) + 1),
        xticklabels=["none", *range(1, len(shortcut) + 1)],
        xlabel="block switched off",
        title="probability of the first answer",
        ylim=(-0.03, 1),
    )
    ax.tick_params(axis="x", labelsize=12)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, handletextpad=0.1)
    plots.draw_seeds(axes[1], list(several), list(zip(*several.values())))
    title, xlabel = "answers that stay in the top five", "blocks with shortcut switched off"
    axes[1].set(title=title, xlabel=xlabel, xticks=list(several), ylim=(0, 5.2))


def draw_layers(ax, lines, title=""):
    """Draw one number for each layer, on a logarithmic axis, a line for each network.

    lines: {name: numbers}, at most four
    """
    for (name, numbers), colour, marker in zip(
        lines.items(), (plots.RED, plots.ORANGE, plots.BLUE, plots.GREY), "^soD"
    ):
        ax.plot(range(1, len(numbers) + 1), numbers, color=colour, label=name, marker=marker, markersize=5)
    ax.set(yscale="log", title=title, xlabel="layer")


def draw_degradation(axes, depths, losses, on_training, on_test):
    """Draw the losses of plain and of residual networks of several depths, and their errors against depth.

    losses: {(kind, depth, seed): numbers}, one seed; on_training, on_test: {kind: (seeds, depths)}
    """
    for ax, kind in zip(axes, ("plain", "residual")):
        for depth, colour in zip(depths, (plots.BLUE, plots.ORANGE, plots.RED)):
            plots.draw_losses(ax, losses[kind, depth, 0], f"{depth} layers", colour)
        ax.set(title=f"{kind}: loss while training", ylim=(0, 4))
    axes[0].legend()
    for kind, colour, marker in (("plain", plots.ORANGE, "s"), ("residual", plots.BLUE, "o")):
        plots.draw_seeds(axes[2], depths, on_training[kind], f"{kind}, training images", colour, marker)
        axes[2].plot(depths, on_test[kind].mean(0), color=colour, linestyle=":", label=f"{kind}, test images")
    axes[2].set(title="error after training, %", xlabel="layers", xticks=depths, ylim=(0, 100))
    axes[2].legend(loc="upper left", fontsize=11)


def draw_stages(ax, net, title="", side=224):
    """Draw a ResNet from left to right, each map as a bar as high as its channels, each shortcut as a line above its block.

    net:  a ResNet of helpers.models: what is drawn is read from it
    side: pixels of the image's side
    """
    ink = dict(edgecolor="black", linewidth=0.8)

    def bar(place, height, colour):
        ax.bar(place, height, 0.4, -height / 2, color=colour, **ink)

    at, channels, side = 0.0, net.conv1.out_channels, side // 4
    bar(at, channels, plots.GREY)
    texts = [(at, f"stem\n{channels} maps\n{side}×{side}")]
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        left, side = at + 1.3, side // stage[0].conv2.stride[0] // stage[0].conv1.stride[0]
        for block in stage:
            begin, at = at, at + (0.8 if block is stage[0] else 0.1)
            convolutions = [layer for name, layer in block.named_children() if name.startswith("conv")]
            for layer in convolutions:
                at += 0.5
                bar(at, layer.out_channels, plots.SKY if layer is convolutions[-1] else "white")
            top, out = max(channels, layer.out_channels) / 2 + 120, layer.out_channels
            colour, width = (plots.BLUE, 2) if block.downsample is None else (plots.RED, 4)
            ax.plot([begin, begin, at, at], [channels / 2, top, top, out / 2], color=colour, linewidth=width, zorder=0)
            if block.downsample is not None:
                words = f"1×1, stride {block.downsample[0].stride[0]}"
                ax.text(at, top + 30, words, ha="right", va="bottom", fontsize=13, color=plots.RED)
            channels = out
        texts.append(((left + at) / 2, f"{len(stage)} blocks\n{channels} maps\n{side}×{side}"))
    at += 1.4
    bar(at, net.fc.out_features, plots.ORANGE)
    texts.append((at, f"mean, fc\n{net.fc.out_features}"))
    tallest = max(channels, net.fc.out_features) / 2
    for place, words in texts:
        ax.text(place, -tallest - 80, words, ha="center", va="top", fontsize=13)
    ax.set(title=title, xlim=(-1, at + 1), ylim=(-tallest - 700, tallest + 300))
    ax.set_axis_off()
