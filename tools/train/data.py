"""Fashion-MNIST as Debian's `dataset-fashion-mnist` installs it, and the safetensors writer of the exports."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import torch

DATASET = Path("/usr/share/datasets/fashion-mnist")
CLASSES = 10


def load(split):
    """`split` is 'train' (60,000) or 't10k' (10,000). Returns uint8 images [N,1,28,28] and int64 labels [N]."""
    images = gzip.decompress((DATASET / f"{split}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((DATASET / f"{split}-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def to_network(images):
    """uint8 0..255 -> float32 -1..1, the range every EDM network works in."""
    return images.float() / 127.5 - 1


def write_safetensors(path, tensors, metadata):
    """The safetensors layout: 8-byte header length, JSON header, float32 data back to back."""
    header, offset, data = {"__metadata__": {k: json.dumps(v) for k, v in metadata.items()}}, 0, []
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().float().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
        data.append(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    temporary = Path(str(path) + ".tmp")
    temporary.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))
    temporary.rename(path)
