"""The other side of `npm run bench:fid --peer FOLDER`: torch-fidelity's Inception, numpy and scipy.

Arguments: FOLDER with torch-fidelity's sources, state dict, .npy of uint8 images [n,3,h,w], .npy of features a and b,
threads. Each line of stdin names a part; the answer is `seconds value`.
"""
import os
import sys
import time
import types

folder, weights, images, features_a, features_b, threads = sys.argv[1:]
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[name] = threads

import numpy as np
import scipy.linalg
import torch

torch.set_num_threads(int(threads))
# The package itself imports torchvision; its Inception does not need it.
package = types.ModuleType('torch_fidelity')
package.__path__ = [os.path.join(folder, 'torch_fidelity')]
sys.modules['torch_fidelity'] = package
# torch 1.13 does not know `weights_only`; the state dict has no output layer, which features do not pass.
load, load_state_dict = torch.load, torch.nn.Module.load_state_dict
torch.load = lambda file, **options: load(file)
torch.nn.Module.load_state_dict = lambda self, state: load_state_dict(self, state, strict=False)
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

network = FeatureExtractorInceptionV3('inception', ['2048'], feature_extractor_weights_path=weights)
pictures = torch.from_numpy(np.load(images))
a, b = np.load(features_a), np.load(features_b)
mean_a, mean_b, sigma_a, sigma_b = None, None, None, None


def moments():
    global mean_a, mean_b, sigma_a, sigma_b
    if sigma_a is None:
        mean_a, mean_b = a.mean(0, dtype=np.float64), b.mean(0, dtype=np.float64)
        sigma_a, sigma_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)


def rest():
    return np.square(mean_a - mean_b).sum() + np.trace(sigma_a + sigma_b)


def extract():
    with torch.no_grad():
        return float(network(pictures)[0].mean())


def cov():
    x = a.astype(np.float64)
    x.mean(0)
    return float(np.trace(np.cov(x, rowvar=False)))


def sqrtm():
    root, _ = scipy.linalg.sqrtm(sigma_a @ sigma_b, disp=False)
    return float(np.real(rest() - 2 * np.trace(root)))


def eigh():
    values, vectors = np.linalg.eigh(sigma_a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    product = np.linalg.eigvalsh(root @ sigma_b @ root)
    return float(rest() - 2 * np.sqrt(np.maximum(product, 0)).sum())


print('ready', flush=True)
for line in sys.stdin:
    part = line.strip()
    if part in ('sqrtm', 'eigh'):
        moments()
    started = time.perf_counter()
    value = {'extract': extract, 'cov': cov, 'sqrtm': sqrtm, 'eigh': eigh}[part]()
    print(time.perf_counter() - started, repr(value), flush=True)
