const STATE_LENGTH = 624;
const STATE_MIDDLE = 397;

/** The Mersenne Twister mt19937 (Matsumoto & Nishimura 1998), seeded as both numpy and torch seed it. */
export class Mt19937 {
  private readonly state = new Uint32Array(STATE_LENGTH);
  private position = STATE_LENGTH;

  /** @param seed any safe integer, taken mod 2^32 */
  constructor(seed: number) {
    const state = this.state;
    state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < STATE_LENGTH; i++) {
      state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
    }
  }

  /** The next output: an integer in [0, 2^32). */
  next32(): number {
    if (this.position === STATE_LENGTH) this.twist();
    let y = this.state[this.position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const state = this.state;
    for (let i = 0; i < STATE_LENGTH; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % STATE_LENGTH]! & 0x7fffffff);
      state[i] = state[(i + STATE_MIDDLE) % STATE_LENGTH]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }
}
