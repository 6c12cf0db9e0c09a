"""Blocks of a trained network switched off: F(x) times 0, nothing trained again."""

import torch


class Switched:
    """A network and images; probabilities() with some blocks off begins at the first of these: what comes before is kept.

    net:    with features in a row, avgpool and classifier, in eval mode, such as EfficientNetLite0
    images: (N, 3, H, W), on the network's device
    """

    @torch.no_grad()
    def __init__(self, net, images):
        self.net, self.received, self.known = net, [images], {}
        for layer in net.features:
            self.received.append(layer(self.received[-1]))

    @torch.no_grad()
    def probabilities(self, off=()):
        """Return the probabilities of every image, (N, classes) on the CPU, with F(x) = 0 in these blocks.

        off: blocks of net.features whose part F is called `conv`, such as InvertedResidual
        """
        places = tuple(i for i, layer in enumerate(self.net.features) if layer in tuple(off))
        if places not in self.known:
            first = min(places, default=len(self.net.features))
            hooks = [self.net.features[i].conv.register_forward_hook(lambda layer, x, out: 0 * out) for i in places]
            try:
                found = self.net.features[first:](self.received[first])
            finally:
                for hook in hooks:
                    hook.remove()
            self.known[places] = self.net.classifier(self.net.avgpool(found).flatten(1)).softmax(1).cpu()
        return self.known[places]


def staying(found, first):
    """Return how many of the first answers are still among the five most probable.

    found: (N, classes) probabilities; first: (N,) the answers with no block off
    """
    return (found.topk(5).indices == first[:, None]).any(1).sum().item()
