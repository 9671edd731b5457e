"""Writes test/fixtures/samplers/solvers.json: every solver in numpy, each in the form its authors publish, apart from the server's code.

    python3 tools/solver-reference.py

A denoiser in closed form, float64. Polynomials are integrated by numpy's, not by moments; systems are solved by LAPACK.
"""
import json
import os

import numpy as np

SIZE = 12
rng = np.random.RandomState(5)
LATENTS = rng.randn(SIZE)
NOISE = rng.randn(12, SIZE)


def denoise(x, sigma):
    return x * 0.25 / (0.25 + sigma**2) + 0.1 * np.sin(x)


def edm(n, lo=0.002, hi=80.0, rho=7):
    i = np.arange(n) / (n - 1)
    return np.append((hi ** (1 / rho) + i * (lo ** (1 / rho) - hi ** (1 / rho))) ** rho, 0.0)


def euler(s, **_):
    x = LATENTS * s[0]
    for i in range(len(s) - 1):
        d = (x - denoise(x, s[i])) / s[i]
        x = x + d * (s[i + 1] - s[i])
    return x


def heun_on_d(s, **_):
    x = LATENTS * s[0]
    for i in range(len(s) - 1):
        r = s[i + 1] / s[i]
        den = denoise(x, s[i])
        if s[i + 1] > 0:
            den = (den + denoise(r * x + (1 - r) * den, s[i + 1])) / 2
        x = r * x + (1 - r) * den
    return x


def ancestral(s, eta=None, vp=False, **_):
    """The lecture's equation as it stands; at sigma 0 its limit, alpha D."""
    alpha = 1 / np.sqrt(1 + s**2) if vp else np.ones_like(s)
    level = alpha * s
    x = LATENTS * level[0]
    for i in range(len(s) - 1):
        den = denoise(x / alpha[i], s[i])
        if s[i + 1] == 0:
            return alpha[i + 1] * den
        e = np.sqrt(1 - (s[i + 1] / s[i]) ** 2) if eta is None else (eta[i] if np.ndim(eta) else eta)
        root = alpha / np.where(level == 0, 1, level)
        c = np.sqrt(1 - e**2)
        x = level[i + 1] * (root[i + 1] - root[i] * c) * den + level[i + 1] / level[i] * c * x + level[i + 1] * e * NOISE[i]
    return x


def lam(s):
    return -np.log(s)


def order_of(i, n, order, lower):
    return min(order, i + 1, n - i) if lower else min(order, i + 1)


def dpmpp(s, order=2, variant='published', **_):
    """k-diffusion's sample_dpmpp_2m; dpm-solver's multistep_dpm_solver_third_update."""
    x = LATENTS * s[0]
    ms = []
    n = len(s) - 1
    for i in range(n):
        ms.append(denoise(x, s[i]))
        if s[i + 1] == 0:
            return ms[-1]
        h = lam(s[i + 1]) - lam(s[i])
        phi_1 = np.expm1(-h)
        p = order_of(i, n, order, True)
        if p == 1:
            x = s[i + 1] / s[i] * x - phi_1 * ms[-1]
            continue
        r0 = (lam(s[i]) - lam(s[i - 1])) / h
        d1_0 = (ms[-1] - ms[-2]) / r0
        if p == 2:
            x = s[i + 1] / s[i] * x - phi_1 * ms[-1] - 0.5 * phi_1 * d1_0
            continue
        r1 = (lam(s[i - 1]) - lam(s[i - 2])) / h
        d1_1 = (ms[-2] - ms[-3]) / r1
        d1 = d1_0 + r0 / (r0 + r1) * (d1_0 - d1_1)
        d2 = (d1_0 - d1_1) / (r0 + r1)
        phi_2 = phi_1 / h + 1
        phi_3 = phi_2 / h - 0.5
        x = s[i + 1] / s[i] * x - phi_1 * ms[-1] + phi_2 * d1 - phi_3 * d2 * (2 if variant == 'exact' else 1)
    return x


def sde(s, eta=1.0, variant='midpoint', **_):
    """k-diffusion's sample_dpmpp_2m_sde, order 1 before the step to 0 never being needed."""
    x = LATENTS * s[0]
    old = None
    n = len(s) - 1
    for i in range(n):
        den = denoise(x, s[i])
        if s[i + 1] == 0:
            return den
        e = eta[i] if np.ndim(eta) else eta
        h = lam(s[i + 1]) - lam(s[i])
        eta_h = e * h
        x = s[i + 1] / s[i] * np.exp(-eta_h) * x - np.expm1(-h - eta_h) * den
        if old is not None:
            r = h_last / h
            if variant == 'heun':
                x = x + (-np.expm1(-h - eta_h) / (-h - eta_h) + 1) * (1 / r) * (den - old)
            else:
                x = x - 0.5 * np.expm1(-h - eta_h) * (1 / r) * (den - old)
        x = x + NOISE[i] * s[i + 1] * np.sqrt(-np.expm1(-2 * eta_h))
        old, h_last = den, h
    return x


def unipc(s, order=3, variant='bh2', **_):
    """The authors' multistep_uni_pc_bh_update with data prediction, as diffusers runs it."""
    n = len(s) - 1
    x = LATENTS * s[0]
    ms, last, last_order = [], None, 0

    def parts(i, p):
        h = lam(s[i + 1]) - lam(s[i])
        rks = [(lam(s[i - k]) - lam(s[i])) / h for k in range(1, p)] + [1.0]
        hh = -h
        h_phi_1 = np.expm1(hh)
        h_phi_k = h_phi_1 / hh - 1
        B = hh if variant == 'bh1' else np.expm1(hh)
        R, b, factorial = [], [], 1
        for k in range(1, p + 1):
            R.append(np.power(rks, k - 1))
            b.append(h_phi_k * factorial / B)
            factorial *= k + 1
            h_phi_k = h_phi_k / hh - 1 / factorial
        return h_phi_1, B, np.array(rks), np.array(R), np.array(b)

    for i in range(n):
        m = denoise(x, s[i])
        if i > 0:
            p = last_order
            h_phi_1, B, rks, R, b = parts(i - 1, p)
            rho = np.array([0.5]) if p == 1 else np.linalg.solve(R, b)
            D1s = [(ms[-(k + 1)] - ms[-1]) / rks[k - 1] for k in range(1, p)]
            res = sum(w * D1 for w, D1 in zip(rho[:-1], D1s)) + rho[-1] * (m - ms[-1])
            x = s[i] / s[i - 1] * last - h_phi_1 * ms[-1] - B * res
        ms.append(m)
        if s[i + 1] == 0:
            return m
        p = order_of(i, n, order, True)
        h_phi_1, B, rks, R, b = parts(i, p)
        last, last_order = x, p
        rho = np.array([0.5]) if p == 2 else np.linalg.solve(R[:-1, :-1], b[:-1]) if p > 2 else []
        D1s = [(ms[-(k + 1)] - ms[-1]) / rks[k - 1] for k in range(1, p)]
        x = s[i + 1] / s[i] * x - h_phi_1 * ms[-1] - B * sum(w * D1 for w, D1 in zip(rho, D1s))
    return x


def lagrange(nodes, j):
    poly = np.polynomial.Polynomial([1.0])
    for k, node in enumerate(nodes):
        if k != j:
            poly *= np.polynomial.Polynomial([-node, 1.0]) / (nodes[j] - node)
    return poly


def slopes(s, weights, order, lower):
    x = LATENTS * s[0]
    ds = []
    n = len(s) - 1
    for i in range(n):
        den = denoise(x, s[i])
        if s[i + 1] == 0:
            return den
        ds.insert(0, (x - den) / s[i])
        p = order_of(i, n, order, lower)
        x = x + sum(w * d for w, d in zip(weights(i, p), ds))
    return x


def ipndm(s, order=4, **_):
    table = [[1], [1.5, -0.5], np.array([23, -16, 5]) / 12, np.array([55, -59, 37, -9]) / 24]
    return slopes(s, lambda i, p: (s[i + 1] - s[i]) * np.array(table[p - 1]), order, False)


def ab(s, order=4, **_):
    def weights(i, p):
        integrals = [lagrange(s[i - p + 1 : i + 1][::-1], j).integ() for j in range(p)]
        return [q(s[i + 1]) - q(s[i]) for q in integrals]

    return slopes(s, weights, order, False)


def deis(s, order=3, **_):
    """exp(v) times a polynomial in v = ln sigma - ln sigma_i, by Gauss-Legendre quadrature with 40 points."""
    points, masses = np.polynomial.legendre.leggauss(40)

    def weights(i, p):
        v = np.log(s[i - p + 1 : i + 1][::-1] / s[i])
        h = np.log(s[i + 1] / s[i])
        at = h * (points + 1) / 2
        return [np.sum(masses * lagrange(v, j)(at) * np.exp(at)) * h / 2 * s[i] for j in range(p)]

    return slopes(s, weights, order, True)


LEVELS = [60.0, 25.0, 9.0, 4.0, 1.5, 0.6, 0.2, 0.05]
CASES = []
for schedule in ({'steps': 7}, {'steps': 12, 'rho': 5}, {'sigmas': LEVELS}):
    s = np.array(LEVELS + [0.0]) if 'sigmas' in schedule else edm(schedule['steps'], rho=schedule.get('rho', 7))
    n = len(s) - 1
    etas = [round(0.9 - 0.08 * i, 2) for i in range(n)]
    for solver, call, options, more in [
        ('euler', euler, {}, {}),
        ('heun', heun_on_d, {'heun_on': 'D'}, {}),
        ('euler-ancestral', ancestral, {}, {}),
        ('euler-ancestral', ancestral, {'eta': 0.4}, {}),
        ('euler-ancestral', ancestral, {'eta': etas, 'scaling': 'vp'}, {'vp': True}),
        ('dpmpp-2m', dpmpp, {}, {}),
        ('dpmpp-3m', dpmpp, {}, {'order': 3}),
        ('dpmpp-3m', dpmpp, {'variant': 'exact'}, {'order': 3}),
        ('sde-dpmpp-2m', sde, {}, {}),
        ('sde-dpmpp-2m', sde, {'eta': etas, 'variant': 'heun'}, {}),
        *[('unipc', unipc, {'order': o, 'variant': v}, {}) for o in (2, 3) for v in ('bh1', 'bh2')],
        *[('deis', deis, {'order': o}, {}) for o in (1, 2, 3)],
        *[('ipndm', ipndm, {'order': o}, {}) for o in (1, 2, 3, 4)],
        *[('ab', ab, {'order': o}, {}) for o in (1, 2, 3, 4)],
    ]:
        x = call(s, **options, **more)
        CASES.append({'options': {'solver': solver, **schedule, **options}, 'x': list(x)})

target = os.path.join(os.path.dirname(__file__), '..', 'test', 'fixtures', 'samplers', 'solvers.json')
with open(target, 'w') as file:
    file.write('{\n"latents": ' + json.dumps(list(LATENTS)) + ',\n"noise": ' + json.dumps(NOISE.tolist()) + ',\n"cases": [\n')
    file.write(',\n'.join(json.dumps(case) for case in CASES) + '\n]\n}\n')
print(len(CASES), 'cases')
