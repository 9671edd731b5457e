"""The detector (its pooled features are what FD (fashion-mnist) measures) and the judge, another classifier that
only tells how many samples show the class that was asked for. Different widths, depths, data order and augmentation.
"""

from torch import nn
from torch.nn import functional as F


class Detector(nn.Module):
    """Six 3x3 convolutions in three stages; features [N,128] are the mean over the last 7 x 7 maps, after ReLU."""

    WIDTHS = [32, 32, 64, 64, 128, 128]
    POOL_AFTER = {1, 3}

    def __init__(self):
        super().__init__()
        widths = [1] + self.WIDTHS
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in self.WIDTHS)
        self.head = nn.Linear(self.WIDTHS[-1], 10)

    def features(self, x):
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = F.relu(norm(conv(x)))
            if i in self.POOL_AFTER:
                x = F.max_pool2d(x, 2)
        return x.mean(dim=(2, 3))

    def forward(self, x):
        return self.head(F.dropout(self.features(x), 0.3, self.training))

    def folded(self):
        """Weights with the batch normalisation folded into each convolution, and the layer list of the ONNX graph."""
        tensors, layers = {}, []
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            tensors[f"conv{i}.weight"] = conv.weight * scale[:, None, None, None]
            tensors[f"conv{i}.bias"] = norm.bias - norm.running_mean * scale
            layers.append(f"conv{i}")
            layers.append("relu")
            if i in self.POOL_AFTER:
                layers.append("maxpool2")
        return tensors, layers + ["mean"]


class Judge(nn.Module):
    """A residual network that shares nothing with the detector but the task."""

    def __init__(self, width=40):
        super().__init__()
        def unit(a, b, stride):
            return nn.ModuleList([
                nn.Conv2d(a, b, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(b),
                nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b),
                nn.Conv2d(a, b, 1, stride=stride, bias=False)])
        self.stem = nn.Conv2d(1, width, 5, stride=2, padding=2)
        self.units = nn.ModuleList([unit(width, width, 1), unit(width, 2 * width, 2), unit(2 * width, 3 * width, 1)])
        self.head = nn.Linear(3 * width * 49, 10)

    def forward(self, x):
        x = F.gelu(self.stem(x))
        for conv0, norm0, conv1, norm1, skip in self.units:
            x = F.gelu(norm1(conv1(F.gelu(norm0(conv0(x))))) + skip(x))
        return self.head(F.dropout(x.flatten(1), 0.5, self.training))
