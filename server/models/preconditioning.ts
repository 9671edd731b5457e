import type { Graph, Value } from './onnx-graph';
import type { NetworkConfig, Preconditioner } from '../weights/network-config';

/**
 * D(x; sigma) = c_skip x + c_out F(c_in x; c_noise) (Karras et al. 2022, equation 7 and table 1), in float32 and in the
 * original's order of operations: ln(1 + sigma^2) loses digits at small sigma, and the networks were trained with that
 * loss. Each value has the shape of sigma; undefined is 1.
 */
export interface Coefficients {
  readonly c_skip?: Value;
  readonly c_out: Value;
  readonly c_in?: Value;
  readonly c_noise: Value;
}

type Scalars = (config: NetworkConfig, op: Arithmetic, sigma: Value, u?: Value) => Coefficients;

/** By preconditioner (edm.md section 4). */
const COEFFICIENTS: Record<Preconditioner, Scalars> = {
  EDMPrecond: ({ sigma_data }, op, sigma) => {
    const variance = op.add('variance', op.mul('sigma2', sigma, sigma), sigma_data ** 2);
    const deviation = op.unary('Sqrt', 'deviation', variance);
    return {
      c_skip: op.div('c_skip', sigma_data ** 2, variance),
      c_out: op.div('c_out', op.mul('sigma_data_sigma', sigma, sigma_data), deviation),
      c_in: op.div('c_in', 1, deviation),
      c_noise: op.div('c_noise', op.unary('Log', 'log_sigma', sigma), 4),
    };
  },
  VPPrecond: ({ beta_d, beta_min, M }, op, sigma) => {
    const variance = op.add('variance', op.mul('sigma2', sigma, sigma), 1);
    const scaledLog = op.mul('scaled_log', op.unary('Log', 'log_variance', variance), 2 * beta_d);
    const root = op.unary('Sqrt', 'root', op.add('radicand', scaledLog, beta_min ** 2));
    const t = op.div('t', op.add('root_less', root, -beta_min), beta_d);
    return {
      ...op.varianceExploding(sigma),
      c_in: op.inverseDeviation(variance),
      c_noise: op.mul('c_noise', t, M - 1),
    };
  },
  VEPrecond: (_config, op, sigma) => ({
    c_out: sigma,
    c_noise: op.unary('Log', 'c_noise', op.mul('half_sigma', sigma, 0.5)),
  }),
  iDDPMPrecond: ({ M }, op, sigma, u) => {
    const variance = op.add('variance', op.mul('sigma2', sigma, sigma), 1);
    return {
      ...op.varianceExploding(sigma),
      c_in: op.inverseDeviation(variance),
      c_noise: op.nearestStep(sigma, u, M),
    };
  },
};

/** @param sigma [s, 1] @param u iDDPM's noise levels [M + 1] */
export function coefficients(graph: Graph, config: NetworkConfig, sigma: Value, u?: Value): Coefficients {
  return COEFFICIENTS[config.class_name](config, new Arithmetic(graph), sigma, u);
}

/** Scalar arithmetic as nodes; a number is a float32 constant. */
class Arithmetic {
  constructor(private readonly graph: Graph) {}

  add(name: string, a: Value, b: number): Value {
    return this.binary('Add', name, a, b);
  }

  mul(name: string, a: Value, b: Value | number): Value {
    return this.binary('Mul', name, a, b);
  }

  div(name: string, a: Value | number, b: Value | number): Value {
    return this.binary('Div', name, a, b);
  }

  unary(op: 'Sqrt' | 'Log' | 'Neg' | 'Abs', name: string, a: Value): Value {
    return this.graph.node(op, `precond.${name}`, [a]);
  }

  /** c_out = -sigma: the network predicts the noise. */
  varianceExploding(sigma: Value): { c_out: Value } {
    return { c_out: this.unary('Neg', 'c_out', sigma) };
  }

  /** 1 / sqrt(variance) */
  inverseDeviation(variance: Value): Value {
    return this.div('c_in', 1, this.unary('Sqrt', 'deviation', variance));
  }

  /** M - 1 - index of the nearest of u; the first if two are equally near. */
  nearestStep(sigma: Value, u: Value | undefined, M: number): Value {
    const { graph } = this;
    const distance = this.unary('Abs', 'distance', graph.node('Sub', 'precond.difference', [sigma, u]));
    const index = graph.node('ArgMin', 'precond.index', [distance], { axis: 1, keepdims: 1 });
    const step = graph.node('Cast', 'precond.step', [index], { to: 1 });
    return graph.node('Sub', 'precond.c_noise', [graph.float32([M - 1], []), step]);
  }

  private binary(op: 'Add' | 'Mul' | 'Div', name: string, a: Value | number, b: Value | number): Value {
    return this.graph.node(op, `precond.${name}`, [this.operand(a), this.operand(b)]);
  }

  private operand(value: Value | number): Value {
    return typeof value === 'number' ? this.graph.float32([value], []) : value;
  }
}
