"""The peer of bench:generate: a network of NVlabs/edm on PyTorch. Not part of the product.

generate-peer.py EDM_FOLDER WEIGHTS.safetensors INPUTS OUTPUT THREADS
INPUTS: float32 x [16,3,32,32], class_labels [16,10], sigma. Prints a line when ready, then milliseconds per line read.
"""
import json
import struct
import sys
import time

import numpy as np
import torch

folder, weights, inputs, output, threads = sys.argv[1:]
sys.path.insert(0, folder)
from training import networks  # noqa: E402

torch.set_num_threads(int(threads))
with open(weights, "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
config = json.loads(header.pop("__metadata__")["config"])
net = getattr(networks, config.pop("class_name"))(**config).eval().requires_grad_(False)
state = {
    name: torch.from_numpy(np.frombuffer(data, "<f4", np.prod(entry["shape"], dtype=int), entry["data_offsets"][0]).copy())
    .reshape(entry["shape"])
    for name, entry in header.items()
}
net.load_state_dict(state)
numbers = torch.from_numpy(np.fromfile(inputs, "<f4"))
x, labels, sigma = numbers[:49152].reshape(16, 3, 32, 32), numbers[49152:-1].reshape(16, 10), numbers[-1].double()


def evaluate():
    return net(x, sigma, labels)


evaluate().numpy().tofile(output)
print("ready", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    evaluate()
    print((time.perf_counter() - started) * 1000, flush=True)
