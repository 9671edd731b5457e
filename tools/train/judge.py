"""How many samples show the class that was asked for, told by the judge, which shares nothing with the detector.

    python3 tools/train/judge.py --build BUILD_DIR IMAGES_DIR

Every PNG of the workbench carries its class in a tEXt chunk. Prints the share overall and per class.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from classifiers import Judge
from data import to_network


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("images", type=Path)
    options = parser.parse_args()
    saved = torch.load(options.build / "judge.pt")
    judge = Judge()
    judge.load_state_dict(saved["state"])
    judge.eval()
    files = sorted(options.images.glob("*.png"))
    pictures = [Image.open(file) for file in files]
    labels = torch.tensor([int(picture.text["class"]) for picture in pictures])
    pixels = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))[:, None]
    with torch.no_grad():
        guessed = torch.cat([judge(to_network(part)).argmax(1) for part in pixels.split(500)])
    right = guessed == labels
    print(f"judge: {saved['accuracy']:.4f} on the test images, {right.float().mean():.4f} on {len(files)} samples")
    for label in labels.unique().tolist():
        print(f"  class {label}: {right[labels == label].float().mean():.3f} of {(labels == label).sum()}")


if __name__ == "__main__":
    main()
