/** A pickle whose memo has keys of one hash, by the inverse of V8's hash of integers. */
export function collidingMemo(count: number): Buffer {
  const parts = [Buffer.from('\x80\x02N', 'latin1')];
  for (let high = 0, found = 0; found < count; high++) {
    const key = unhashed((high << 14) >>> 0);
    if (key >= 2 ** 31) continue;
    const put = Buffer.from('r\0\0\0\0', 'latin1');
    put.writeUInt32LE(key, 1);
    parts.push(put);
    found++;
  }
  return Buffer.concat([...parts, Buffer.from('.')]);
}

/** The integer whose hash (ComputeUnseededHash of V8) is this, before its two highest bits are cut off. */
function unhashed(hash: number): number {
  const unshift = (value: number, by: number): number => {
    let result = value;
    for (let bits = by; bits < 32; bits += by) result = (value ^ (result >>> by)) >>> 0;
    return result;
  };
  const times = (value: number, factor: number): number => Math.imul(value, factor) >>> 0;
  let key = unshift(hash, 16);
  key = times(key, inverse(2057));
  key = unshift(key, 4);
  key = times(key, inverse(5));
  key = unshift(key, 12);
  // hash = ~hash + (hash << 15) = hash * (2^15 - 1) - 1
  return times((key + 1) >>> 0, inverse(2 ** 15 - 1));
}

/** x with x * odd = 1 modulo 2^32. */
function inverse(odd: number): number {
  let x = odd;
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
  return x >>> 0;
}
