"""A small DDPM++ U-Net with EDM preconditioning, for training the embedded model.

Layer for layer the network that the workbench imports as `SongUNet` (positional embedding, standard
encoder and decoder, box resampling) and with the same parameter names, so that the exported weights go
through the very importer that users' networks go through. Karras et al. 2022, tables 1 and 7.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

SKIP_SCALE = math.sqrt(0.5)


def _weight(shape, fan_in, fan_out, scale=1.0):
    """Xavier-uniform draws, as the paper's code initialises everything but the zeroed output layers."""
    return math.sqrt(6 / (fan_in + fan_out)) * (torch.rand(shape) * 2 - 1) * scale


class Linear(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.weight = nn.Parameter(_weight([c_out, c_in], c_in, c_out))
        self.bias = nn.Parameter(torch.zeros(c_out))

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Conv2d(nn.Module):
    """k x k convolution, optionally after nearest x2 up-sampling or 2 x 2 mean down-sampling."""

    def __init__(self, c_in, c_out, kernel, up=False, down=False, scale=1.0):
        super().__init__()
        self.up, self.down = up, down
        fan = kernel * kernel
        self.weight = nn.Parameter(_weight([c_out, c_in, kernel, kernel], c_in * fan, c_out * fan, scale))
        self.bias = nn.Parameter(torch.zeros(c_out))
        if up or down:
            self.register_buffer("resample_filter", torch.full([1, 1, 2, 2], 0.25))

    def forward(self, x):
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        if self.down:
            x = F.avg_pool2d(x, 2)
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class GroupNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.groups = min(32, channels // 4)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.group_norm(x, self.groups, self.weight, self.bias, eps=1e-6)


class UNetBlock(nn.Module):
    def __init__(self, c_in, c_out, emb, up=False, down=False, attention=False, dropout=0.0):
        super().__init__()
        self.dropout, self.attention = dropout, attention
        self.norm0 = GroupNorm(c_in)
        self.conv0 = Conv2d(c_in, c_out, 3, up=up, down=down)
        self.affine = Linear(emb, c_out)
        self.norm1 = GroupNorm(c_out)
        self.conv1 = Conv2d(c_out, c_out, 3, scale=1e-5)
        if c_in != c_out or up or down:
            self.skip = Conv2d(c_in, c_out, 1, up=up, down=down)
        else:
            self.skip = None
        if attention:
            self.norm2 = GroupNorm(c_out)
            self.qkv = Conv2d(c_out, c_out * 3, 1, scale=math.sqrt(0.2))
            self.proj = Conv2d(c_out, c_out, 1, scale=1e-5)

    def forward(self, x, emb):
        h = self.conv0(F.silu(self.norm0(x)))
        h = F.silu(self.norm1(h + self.affine(emb)[:, :, None, None]))
        h = self.conv1(F.dropout(h, self.dropout, self.training))
        h = (h + (x if self.skip is None else self.skip(x))) * SKIP_SCALE
        if self.attention:
            n, c, height, width = h.shape
            q, k, v = self.qkv(self.norm2(h)).reshape(n, c, 3, height * width).unbind(2)
            w = torch.einsum("ncq,nck->nqk", q, k / math.sqrt(c)).softmax(dim=2)
            a = torch.einsum("nqk,nck->ncq", w, v).reshape(n, c, height, width)
            h = (self.proj(a) + h) * SKIP_SCALE
        return h


class SongUNet(nn.Module):
    """`forward(x [N,C,R,R], noise_labels [N], class_labels [N,label_dim]) -> [N,C,R,R]`."""

    def __init__(self, img_resolution, img_channels, label_dim, model_channels, channel_mult,
                 channel_mult_emb, num_blocks, attn_resolutions, dropout):
        super().__init__()
        emb = model_channels * channel_mult_emb
        self.model_channels, self.label_dim = model_channels, label_dim
        self.map_label = Linear(label_dim, model_channels)
        self.map_layer0 = Linear(model_channels, emb)
        self.map_layer1 = Linear(emb, emb)
        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        widths, c = [], img_channels
        for level, mult in enumerate(channel_mult):
            res = img_resolution >> level
            if level == 0:
                self.enc[f"{res}x{res}_conv"] = Conv2d(c, model_channels, 3)
                c = model_channels
            else:
                self.enc[f"{res}x{res}_down"] = UNetBlock(c, c, emb, down=True, dropout=dropout)
            widths.append(c)
            for i in range(num_blocks):
                self.enc[f"{res}x{res}_block{i}"] = UNetBlock(
                    c, model_channels * mult, emb, attention=res in attn_resolutions, dropout=dropout)
                c = model_channels * mult
                widths.append(c)
        for level, mult in reversed(list(enumerate(channel_mult))):
            res = img_resolution >> level
            if level == len(channel_mult) - 1:
                self.dec[f"{res}x{res}_in0"] = UNetBlock(c, c, emb, attention=True, dropout=dropout)
                self.dec[f"{res}x{res}_in1"] = UNetBlock(c, c, emb, dropout=dropout)
            else:
                self.dec[f"{res}x{res}_up"] = UNetBlock(c, c, emb, up=True, dropout=dropout)
            for i in range(num_blocks + 1):
                self.dec[f"{res}x{res}_block{i}"] = UNetBlock(
                    c + widths.pop(), model_channels * mult, emb,
                    attention=i == num_blocks and res in attn_resolutions, dropout=dropout)
                c = model_channels * mult
            if level == 0:
                self.dec[f"{res}x{res}_aux_norm"] = GroupNorm(c)
                self.dec[f"{res}x{res}_aux_conv"] = Conv2d(c, img_channels, 3, scale=1e-5)

    def forward(self, x, noise_labels, class_labels):
        half = self.model_channels // 2
        freqs = (1 / 10000) ** (torch.arange(half, dtype=torch.float32) / (half - 1))
        angles = noise_labels[:, None] * freqs
        e = torch.cat([angles.sin(), angles.cos()], dim=1)
        e = e + self.map_label(class_labels * math.sqrt(self.label_dim))
        emb = F.silu(self.map_layer1(F.silu(self.map_layer0(e))))
        skips = []
        for name, block in self.enc.items():
            x = block(x) if name.endswith("_conv") else block(x, emb)
            skips.append(x)
        for name, block in self.dec.items():
            if name.endswith("_aux_norm"):
                x = F.silu(block(x))
            elif name.endswith("_aux_conv"):
                x = block(x)
            else:
                x = block(torch.cat([x, skips.pop()], dim=1) if "_block" in name else x, emb)
        return x


class EDMPrecond(nn.Module):
    """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), Karras et al. 2022, equation 7 and table 1."""

    def __init__(self, sigma_data, **network):
        super().__init__()
        self.sigma_data = sigma_data
        self.model = SongUNet(**network)

    def forward(self, x, sigma, class_labels):
        s, sd = sigma.reshape(-1, 1, 1, 1), self.sigma_data
        c_skip = sd**2 / (s**2 + sd**2)
        c_out = s * sd / (s**2 + sd**2).sqrt()
        c_in = 1 / (sd**2 + s**2).sqrt()
        f = self.model(c_in * x, sigma.flatten().log() / 4, class_labels)
        return c_skip * x + c_out * f.float()
