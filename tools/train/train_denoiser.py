"""Trains the embedded class-conditional denoiser. Resumable: kill it at any time and start it again.

    python3 tools/train/train_denoiser.py --out BUILD_DIR [--iterations N]

Writes BUILD_DIR/denoiser.pt (checkpoint) and BUILD_DIR/denoiser.safetensors (EMA weights, ready for
`edm-workbench import`). The loss is equation 8 of Karras et al. 2022 with lambda = 1/c_out^2; ln(sigma) is drawn
from N(P_mean, P_std^2), moved up from the paper's (-1.2, 1.2) because the dataset's sigma_data is larger and
28 x 28 silhouettes are decided at higher noise.
"""

import argparse
import math
import os
import subprocess
import time
from pathlib import Path

import torch

from data import CLASSES, load, to_network, write_safetensors
from unet import EDMPrecond

NETWORK = dict(img_resolution=28, img_channels=1, label_dim=CLASSES, model_channels=16, channel_mult=[1, 2, 4],
               channel_mult_emb=8, num_blocks=1, attn_resolutions=[7], dropout=0.0)
P_MEAN, P_STD = -0.4, 1.3
BATCH, PEAK_LR, WARMUP = 64, 2e-3, 200
EMA_IMAGES = 20_000  # half-life of the moving average, in images


def training_commit():
    """The lecture's first version identifier: the commit of the code that trained the network."""
    try:
        here = Path(__file__).parent
        return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=here, text=True, stderr=subprocess.DEVNULL).strip()
    except (subprocess.CalledProcessError, OSError):
        return ""


def save(path, state):
    temporary = Path(str(path) + ".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=12000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    images, labels = load("train")
    sigma_data = round(to_network(images).std().item(), 4)
    net = EDMPrecond(sigma_data=sigma_data, **NETWORK)
    ema = EDMPrecond(sigma_data=sigma_data, **NETWORK)
    ema.load_state_dict(net.state_dict())
    ema.requires_grad_(False)
    optimizer = torch.optim.Adam(net.parameters(), betas=(0.9, 0.99))
    iteration, seconds = 0, 0.0
    checkpoint = options.out / "denoiser.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        net.load_state_dict(state["net"])
        ema.load_state_dict(state["ema"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        iteration, seconds = state["iteration"], state["seconds"]
    print(f"sigma_data {sigma_data}, {sum(p.numel() for p in net.parameters()):,} parameters, from iteration {iteration}", flush=True)

    def store():
        save(checkpoint, dict(net=net.state_dict(), ema=ema.state_dict(), optimizer=optimizer.state_dict(),
                              rng=torch.get_rng_state(), iteration=iteration, seconds=seconds))
        write_safetensors(options.out / "denoiser.safetensors", ema.state_dict(), dict(
            config=dict(class_name="EDMPrecond", model_type="SongUNet", embedding_type="positional",
                        encoder_type="standard", decoder_type="standard", channel_mult_noise=1, resample_filter=[1, 1],
                        sigma_data=sigma_data, use_fp16=False, **NETWORK),
            training=dict(dataset="Fashion-MNIST train", iterations=iteration, batch=BATCH, P_mean=P_MEAN, P_std=P_STD,
                          peak_lr=PEAK_LR, ema_images=EMA_IMAGES, seconds=round(seconds)),
            training_commit=training_commit()))

    loss_sum, loss_count = 0.0, 0
    while iteration < options.iterations:
        started = time.monotonic()
        pick = torch.randint(len(images), [BATCH])
        clean = to_network(images[pick])
        onehot = torch.eye(CLASSES)[labels[pick]]
        sigma = (torch.randn([BATCH, 1, 1, 1]) * P_STD + P_MEAN).exp()
        weight = (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
        denoised = net(clean + torch.randn_like(clean) * sigma, sigma, onehot)
        loss = (weight * (denoised - clean) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        warm = min(1.0, (iteration + 1) / WARMUP)
        decay = 0.5 * (1 + math.cos(math.pi * iteration / options.iterations))
        optimizer.param_groups[0]["lr"] = PEAK_LR * warm * max(decay, 0.005)
        optimizer.step()
        iteration += 1
        half_life = min(EMA_IMAGES, iteration * BATCH * 0.05)
        beta = 0.5 ** (BATCH / max(half_life, 1e-8))
        for p_ema, p in zip(ema.parameters(), net.parameters()):
            p_ema.lerp_(p.detach(), 1 - beta)
        seconds += time.monotonic() - started
        loss_sum, loss_count = loss_sum + loss.item(), loss_count + 1
        if iteration % 100 == 0:
            print(f"iteration {iteration}  loss {loss_sum / loss_count:.4f}  {seconds / iteration:.3f} s/iteration  {seconds / 60:.1f} min", flush=True)
            loss_sum, loss_count = 0.0, 0
        if iteration % 250 == 0:
            store()
    store()


if __name__ == "__main__":
    main()
