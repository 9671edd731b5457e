"""The peer of bench:import: ImageNet-64's network with random weights, pickled as NVlabs/edm pickles it. Not part of the product.

import-peer.py EDM_FOLDER PICKLE INPUTS OUTPUT
Writes PICKLE ({'ema': net}), INPUTS (float32 x [1,3,64,64], class_labels [1,1000], sigma) and OUTPUT (D(x; sigma)), then prints a line.
"""
import pickle
import sys

import numpy as np
import torch

folder, target, inputs, output = sys.argv[1:]
sys.path.insert(0, folder)
from training import networks  # noqa: E402

torch.manual_seed(0)
net = networks.EDMPrecond(img_resolution=64, img_channels=3, label_dim=1000).eval().requires_grad_(False)
with torch.no_grad():
    for name, parameter in net.named_parameters():
        # Layers that start at zero would hide errors in front of them.
        parameter.add_(torch.randn_like(parameter) * (0.1 if parameter.ndim == 1 else 0.3 / parameter[0].numel() ** 0.5))
with open(target, "wb") as file:
    pickle.dump({"ema": net}, file)
sigma = torch.tensor(1.5, dtype=torch.float64)
x, labels = torch.randn(1, 3, 64, 64) * 1.5, torch.nn.functional.one_hot(torch.tensor([417]), 1000).float()
np.concatenate([x.numpy().ravel(), labels.numpy().ravel(), [1.5]]).astype("<f4").tofile(inputs)
net(x, sigma, labels).numpy().astype("<f4").tofile(output)
print("ready", flush=True)
