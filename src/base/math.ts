/**
 * Exact and reproducible arithmetic. Engines differ in the last bit of Math.log, exp, pow and cbrt (measured: 5–10 % of
 * inputs between two V8 versions), so the model uses these instead: only + − × ÷, Math.floor, Math.sqrt and integer
 * operations, all of which IEEE 754 and ECMAScript define to the bit.
 *
 * `ln` and `exp` follow the reduction and the published minimax coefficients of fdlibm (Sun Microsystems, 1993).
 */
import { InvariantError } from './assert.ts';

const TWO_32 = 0x1_0000_0000;
const TWO_53 = 0x20_0000_0000_0000;
/** ln 2 in two parts: the high one has 32 trailing zero bits, so k·LN2_HIGH is exact for |k| < 2^11. */
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const LOG2_E = 1.442695040888963387;
const SQRT_2 = 1.4142135623730951;

/** The exponent k with 2^k ≤ x < 2^(k+1); x positive and finite. */
function exponentOf(x: number): number {
  let k = 0;
  while (x >= TWO_32) {
    x /= TWO_32;
    k += 32;
  }
  while (x < 1) {
    x *= TWO_32;
    k -= 32;
  }
  return k + 31 - Math.clz32(x);
}

/** x·2^k, rounded once. */
function scale(x: number, k: number): number {
  // A power of two far below the normal range would round on the way: the last step takes what is left at once.
  let rest = k;
  while (rest > 31) {
    x *= TWO_32;
    rest -= 32;
  }
  let power = 1;
  while (rest < -31) {
    power /= TWO_32;
    rest += 32;
  }
  const last = rest >= 0 ? (1 << rest) >>> 0 : 1 / ((1 << -rest) >>> 0);
  return power === 1 ? x * last : x * last * power;
}

/** Natural logarithm, within 1 ulp; −Infinity at 0, NaN below. */
export function ln(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  let k = exponentOf(x);
  let m = scale(x, -k);
  if (m > SQRT_2) {
    m /= 2;
    k++;
  }
  // ln(1 + f) with s = f / (2 + f): f − f²/2 + s·(f²/2 + R(s²)).
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even =
    w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const odd =
    z *
    (6.66666666666673513e-1 +
      w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + even + odd) + k * LN2_LOW) - f);
}

/** e^x, within 1 ulp. */
export function exp(x: number): number {
  return expSum(x, 0);
}

/** e^(x + tail), |tail| small beside x. */
function expSum(x: number, tail: number): number {
  if (x !== x) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  const k = Math.floor(x * LOG2_E + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW - tail;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t *
              (6.61375632143793436117e-5 +
                t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  return scale(1 - (low - (r * c) / (2 - c) - high), k);
}

/** Binary logarithm, within 2 ulp and exact at powers of two. */
export function log2(x: number): number {
  if (!(x > 0) || x === Infinity) return ln(x);
  let k = exponentOf(x);
  let m = scale(x, -k);
  if (m > SQRT_2) {
    m /= 2;
    k++;
  }
  return k + ln(m) * LOG2_E;
}

/**
 * x^y for x ≥ 0 (NaN below), within 1 ulp: e^(y·ln x) with ln x and the product carried in two doubles, because an error
 * in the exponent is multiplied by up to 709 in the result.
 */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (!(x >= 0) || y !== y) return NaN;
  if (x === 0 || x === Infinity) return (x === 0) === y > 0 ? 0 : Infinity;
  // Beyond 2^64 even the x next to 1 gives 0 or Infinity.
  if (y > TWO_32 * TWO_32 || y < -TWO_32 * TWO_32) return x > 1 === y > 0 ? Infinity : 0;
  let k = exponentOf(x);
  let m = scale(x, -k);
  if (m > SQRT_2) {
    m /= 2;
    k++;
  }
  // s = (m − 1)/(m + 1) = sh + sl; ln m = 2s·(1 + P), P = z/3 + z²/5 + z³/7 + …, z = s².
  const f = m - 1;
  const d = m + 1;
  const dLow = m - (d - 1);
  const sh = f / d;
  const back = sh * d;
  const sl = (f - back - productError(sh, d, back) - sh * dLow) / d;
  const zh = sh * sh;
  const zl = productError(sh, sh, zh) + 2 * sh * sl;
  let q = 1 / 25;
  for (let i = 23; i >= 5; i -= 2) q = 1 / i + zh * q;
  const third = zh / 3;
  const thrice = third * 3;
  const pLow = (zh - thrice - productError(third, 3, thrice) + zl) / 3 + zh * zh * q;
  const ph = third + pLow;
  const pl = pLow - (ph - third);
  const sp = sh * ph;
  const spLow = productError(sh, ph, sp) + sh * pl + sl * ph;
  const mh = 2 * (sh + sp);
  const ml = 2 * (sp - (mh / 2 - sh) + spLow + sl);
  // ln x = k·ln 2 + ln m; the larger of two summands comes first, so that the error of the sum is exact.
  const kh = k * LN2_HIGH;
  const high = kh + mh;
  const low = (k === 0 ? 0 : mh - (high - kh)) + ml + k * LN2_LOW;
  const product = y * high;
  return expSum(product, productError(y, high, product) + y * low);
}

/** What rounding took from a·b = p: exact (Dekker and Veltkamp 1971), for factors below 2^990. */
function productError(a: number, b: number, p: number): number {
  const ac = 134217729 * a;
  const ah = ac - (ac - a);
  const al = a - ah;
  const bc = 134217729 * b;
  const bh = bc - (bc - b);
  const bl = b - bh;
  return al * bl - (p - ah * bh - al * bh - ah * bl);
}

/**
 * ⌊∛n⌋ for an integer 0 ≤ n ≤ 2^53. Linux's cubic_root() (net/ipv4/tcp_cubic.c) is a table and one Newton step: for the
 * arguments that CUBIC gives it (at least 2^40/410 for each segment that the window has lost) it is within 0.2 % of this,
 * so K may differ from Linux's by that much.
 */
export function icbrt(n: number): number {
  if (!(n >= 0 && n <= TWO_53)) outOfRange('icbrt', n);
  if (n < 1) return 0;
  // Newton's method from above, starting at a power of two ≥ ∛n: it falls until it is the floor.
  let r = scale(1, Math.floor(exponentOf(n) / 3) + 1);
  for (;;) {
    const next = Math.floor((2 * r + Math.floor(n / (r * r))) / 3);
    if (next >= r) return r;
    r = next;
  }
}

/** ∛x for a finite x ≥ 0, within 1 ulp, wherever a window needs the root itself and not its floor. */
export function cbrt(x: number): number {
  if (!(x >= 0 && x < Infinity)) outOfRange('cbrt', x);
  if (x === 0) return 0;
  // x = m·8^e with m in [1, 8): the integer root of m·2^48 has sixteen bits of the fraction, and Newton doubles them twice.
  const e = Math.floor(exponentOf(x) / 3);
  const m = scale(x, -3 * e);
  let r = icbrt(Math.floor(m * 281_474_976_710_656)) / 65_536;
  r -= (r * r * r - m) / (3 * r * r);
  r -= (r * r * r - m) / (3 * r * r);
  return scale(r, e);
}

/** Numerator and denominator of Wichura's three rational approximations, constant term first. */
const CENTRE: readonly [readonly number[], readonly number[]] = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946,
    45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
    39307.89580009271, 28729.085735721943, 5226.495278852854,
  ],
];
const TAIL: typeof CENTRE = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
    1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
    0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9,
  ],
];
const FAR_TAIL: typeof CENTRE = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
    0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
];

/**
 * The standard normal variable's value with probability p below it: −Infinity at 0, Infinity at 1, NaN outside. Wichura's
 * algorithm AS 241, PPND16 (Applied Statistics 37, 1988): about 1 part in 10^16 by itself, 2·10^-15 measured here.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  const q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) return q * rational(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-ln(q < 0 ? p : 1 - p));
  const z = r <= 5 ? rational(TAIL, r - 1.6) : rational(FAR_TAIL, r - 5);
  return q < 0 ? -z : z;
}

/** A quotient of two polynomials. */
function rational([above, below]: typeof CENTRE, x: number): number {
  let n = 0;
  let d = 0;
  for (let i = above.length - 1; i >= 0; i--) {
    n = n * x + above[i]!;
    d = d * x + below[i]!;
  }
  return n / d;
}

function outOfRange(what: string, ...values: number[]): never {
  throw new InvariantError('math: out of range', `${what}(${values.join(', ')})`);
}
