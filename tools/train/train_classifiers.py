"""Trains the detector and the judge (minutes on two cores).

    python3 tools/train/train_classifiers.py --out BUILD_DIR [--only detector|judge]

Writes BUILD_DIR/detector.safetensors (batch normalisation folded, for tools/pack-model.ts), BUILD_DIR/detector.pt and
BUILD_DIR/judge.pt, and prints both accuracies on the 10,000 test images.
"""

import argparse
import math
from pathlib import Path

import torch
from torch.nn import functional as F

from classifiers import Detector, Judge
from data import load, to_network, write_safetensors

BATCH = 128


def shifted(x):
    """Random translation by up to two pixels: the only augmentation that leaves a garment a garment of its class."""
    dx, dy = torch.randint(-2, 3, [2]).tolist()
    return torch.roll(x, (dy, dx), (2, 3))


def train(name, net, epochs, peak, seed, augment, train_set, test_set):
    torch.manual_seed(seed)
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    images, labels = train_set
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    per_epoch, step = len(images) // BATCH, 0
    for epoch in range(epochs):
        net.train()
        for pick in torch.randperm(len(images))[: per_epoch * BATCH].split(BATCH):
            step += 1
            progress = step / (epochs * per_epoch)
            optimizer.param_groups[0]["lr"] = peak * min(1, progress * 10) * 0.5 * (1 + math.cos(math.pi * progress))
            x = to_network(images[pick])
            loss = F.cross_entropy(net(shifted(x) if augment else x), labels[pick], label_smoothing=0.05)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            right = sum((net(to_network(x)).argmax(1) == y).sum().item() for x, y in zip(test_set[0].split(500), test_set[1].split(500)))
        print(f"{name} epoch {epoch + 1}/{epochs}: test accuracy {right / len(test_set[0]):.4f}", flush=True)
    return right / len(test_set[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--detector-epochs", type=int, default=4)
    parser.add_argument("--judge-epochs", type=int, default=6)
    parser.add_argument("--only", choices=["detector", "judge"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    sets = load("train"), load("t10k")
    if options.only != "judge":
        detector = Detector()
        accuracy = train("detector", detector, options.detector_epochs, 3e-3, 1, False, *sets)
        tensors, layers = detector.folded()
        write_safetensors(options.out / "detector.safetensors", tensors,
                          dict(config=dict(class_name="Classifier", name="fashion-mnist", layers=layers, img_channels=1,
                                           img_resolution=28), training=dict(accuracy=accuracy)))
        torch.save(detector.state_dict(), options.out / "detector.pt")
    if options.only != "detector":
        judge = Judge()
        accuracy = train("judge", judge, options.judge_epochs, 2e-3, 2, True, *sets)
        torch.save(dict(state=judge.state_dict(), accuracy=accuracy), options.out / "judge.pt")


if __name__ == "__main__":
    main()
