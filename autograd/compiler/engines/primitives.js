// What JavaScript lacks of the arithmetic in `arithmetic.py`, to a few units in the last place. Exports and pages paste
// the definitions that they use: each is one block without blank lines, and begins with its description.

/** The magnitude of x with the sign of y, that of a zero included. */
function copySign(x, y) {
  const magnitude = Math.abs(x);
  return y < 0 || Object.is(y, -0) ? -magnitude : magnitude;
}

/** x to the power y as C99 defines it; JavaScript's own is nan for 1 to the power nan and -1 to the power Infinity. */
function pow(x, y) {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}

/** The remainder of x / y, with the sign of y; nan for y = 0. */
function mod(x, y) {
  const rest = x % y;
  if (rest === 0) return copySign(0, y);
  return rest < 0 !== y < 0 ? rest + y : rest;
}

/** The nearest whole number, halves to the even neighbour. */
function rint(x) {
  const whole = 2 ** 52; // numbers from here on are whole
  return Math.abs(x) < whole ? copySign(Math.abs(x) + whole - whole, x) : x;
}

/** -1, 0 or 1; nan at nan. */
function sign(x) {
  return Math.sign(x) + 0; // a zero without sign
}

/** The larger one; nan if either is nan. */
function maximum(x, y) {
  return x > y || x !== x ? x : y;
}

/** The smaller one; nan if either is nan. */
function minimum(x, y) {
  return x < y || x !== x ? x : y;
}

/** x if the condition is not 0, otherwise y. */
function where(condition, x, y) {
  return condition !== 0 ? x : y;
}

/** 1 above the threshold, 0 below, `tie` at it; nan where they do not compare. */
function unitStep(x, threshold, tie) {
  return x > threshold ? 1 : x < threshold ? 0 : x === threshold ? tie : NaN;
}

/** 1 / (1 + exp(-x)), from the exponential that cannot overflow. */
function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/** 1 / cosh(x), also where cosh overflows. */
function sech(x) {
  const e = Math.exp(-Math.abs(x));
  return (2 * e) / (1 + e * e);
}

/** 1 - x**2, without the cancellation near 1 and -1. */
function oneMinusSquare(x) {
  return (1 - x) * (1 + x);
}

/** x / hypot(x, y), also where hypot overflows or is subnormal; 0 at the origin. */
function direction(x, y) {
  if (x === 0 && y === 0) return 0;
  if (Math.abs(x) >= Math.abs(y)) return copySign(1 / Math.hypot(1, y / x), x);
  const ratio = x / y;
  return (copySign(1, y) * ratio) / Math.hypot(1, ratio);
}

/** exp(-x**2 / 2), the square split into an exact part and a small rest (W. J. Cody, 1969). */
function gaussian(x) {
  if (Math.abs(x) > 40) return 0;
  const exact = Math.floor(x * 16) / 16;
  return Math.exp(-0.5 * exact * exact) * Math.exp(-0.5 * (x - exact) * (x + exact));
}

/** exp(-x**2), split likewise. */
function expOfMinusSquare(x) {
  const exact = Math.floor(x * 16) / 16;
  return Math.exp(-exact * exact) * Math.exp(-(x - exact) * (x + exact));
}

/** The error function. */
function erf(x) {
  if (!(Math.abs(x) < 0.5)) return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let [term, total] = [x, x];
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(total); k++) {
    term *= (2 * x * x) / (2 * k + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * expOfMinusSquare(x) * total;
}

/**
 * 1 - erf(x), without the cancellation.
 *
 * The trapezoidal rule for an integral whose integrand is analytic, and the contribution of its pole (F. Matta and
 * A. Reichel, Uniform computation of the error function and other related functions, 1971).
 */
function erfc(x) {
  if (x < 0.5) return x < -0.5 ? 2 - erfc(-x) : 1 - erf(x);
  if (!(x < 28)) return x > 0 ? 0 : NaN;
  let total = 0.5 / (x * x);
  for (let k = 1; k <= 12; k++) total += Math.exp(-0.25 * k * k) / (0.25 * k * k + x * x);
  const pole = x < 2 * Math.PI ? 2 / Math.expm1(4 * Math.PI * x) : 0;
  return (x / Math.PI) * expOfMinusSquare(x) * total - pole;
}

/** The standard normal distribution function, corrected for the rounding of x / sqrt(2). */
function normalCdf(x) {
  const half = Math.SQRT1_2;
  const upperHalf = (y) => 134217729 * y - (134217729 * y - y); // the factor is 2**27 + 1 (T. J. Dekker, 1971)
  const [xHigh, high] = [upperHalf(x), upperHalf(half)];
  const [xLow, low] = [x - xHigh, half - high];
  const error = xHigh * high - x * half + xHigh * low + xLow * high + xLow * low - x * 4.833646656726457e-17;
  const correction = Math.abs(x) < 40 ? (error * gaussian(x)) / Math.sqrt(Math.PI) : 0;
  return 0.5 * erfc(-x * half) + correction;
}

/** log(exp(x) + exp(y)), measured from the larger one so that nothing overflows. */
function logAddExp(x, y) {
  const top = maximum(x, y);
  return Number.isFinite(top) ? top + Math.log1p(Math.exp(minimum(x, y) - top)) : top;
}

/** The sum, rounded once (J. R. Shewchuk, Adaptive precision floating-point arithmetic, 1997); 0 for no numbers. */
function sum(xs) {
  const parts = []; // what has been added so far, exactly: each begins where the one before it ends
  let unbounded = 0;
  for (let x of xs) {
    if (!Number.isFinite(x)) {
      unbounded += x;
      continue;
    }
    let kept = 0;
    for (const part of parts) {
      const [larger, smaller] = Math.abs(x) < Math.abs(part) ? [part, x] : [x, part];
      x = larger + smaller;
      const rest = smaller - (x - larger);
      if (rest) parts[kept++] = rest;
    }
    if (!Number.isFinite(x)) return sum(Array.from(xs, (each) => each / 2 ** 64)) * 2 ** 64;
    parts.length = kept;
    parts.push(x);
  }
  return parts.reduce((total, part) => total + part, 0) + unbounded;
}

/** The arithmetic mean; nan for no numbers. */
function mean(xs) {
  const total = sum(xs);
  if (Number.isFinite(total) || !xs.every(Number.isFinite)) return total / xs.length;
  return (sum(xs.map((x) => x / 2 ** 64)) / xs.length) * 2 ** 64;
}

/** The sum of the products. */
function dot(xs, ys) {
  return sum(xs.map((x, i) => x * ys[i]));
}

/** The product; 1 for no numbers. */
function prod(xs) {
  return xs.reduce((product, x) => product * x, 1);
}

/** The largest number; nan if any is nan. */
function largest(xs) {
  return xs.reduce((top, x) => (x > top || x !== x ? x : top));
}

/** The smallest number; nan if any is nan. */
function smallest(xs) {
  return xs.reduce((bottom, x) => (x < bottom || x !== x ? x : bottom));
}

/** exp(x - top) for x <= top, with the rounding error of the difference put right to first order. */
function expOfDifference(x, top) {
  const difference = x - top;
  const part = x - difference;
  const error = x - (difference + part) + (part - top);
  const e = Math.exp(difference);
  return Number.isFinite(error) ? e + e * error : e;
}

/** log(sum(exp(x))), measured from the largest x so that nothing overflows; -Infinity for no numbers. */
function logSumExp(xs) {
  if (!xs.length) return -Infinity;
  const top = largest(xs);
  if (!Number.isFinite(top)) return top;
  const first = xs.indexOf(top);
  return top + Math.log1p(sum(xs.map((x, i) => (i === first ? 0 : expOfDifference(x, top)))));
}

/** exp(x) / sum(exp(xs)) for each x. One that is infinite has everything; the shares of several are nan. */
function softmax(xs) {
  const top = largest(xs);
  if (top === Infinity && xs.indexOf(top) === xs.lastIndexOf(top)) return xs.map((x) => (x === top ? 1 : 0));
  const weights = xs.map((x) => expOfDifference(x, top));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** The gradient of xs for shares p = softmax(xs), given that of p. All are taken relative to that of the largest share. */
function softmaxPull(p, gradient) {
  const base = gradient[p.indexOf(largest(p))];
  const total = p.reduce((found, share, i) => found + share * (gradient[i] - base), 0);
  return p.map((share, i) => share * (gradient[i] - base - total));
}

/** x - log(sum(exp(xs))) for each x. Measured from the largest one, it keeps its digits. */
function logSoftmax(xs) {
  const top = largest(xs);
  if (top === -Infinity) return xs.map(() => top);
  const place = xs.findIndex((x) => Object.is(x, top));
  const log = Math.log1p(xs.reduce((rest, x, i) => (i === place ? rest : rest + Math.exp(x - top)), 0));
  const others = Number.isFinite(top) ? log : top === Infinity ? 0 : NaN;
  return xs.map((x, i) => (i === place ? -log : x - top - others));
}

/** The gradient of xs, given that of logSoftmax(xs). For the largest x the sum of other shares stands for 1 - p. */
function logSoftmaxPull(xs, gradient) {
  const top = largest(xs);
  const place = xs.findIndex((x) => Object.is(x, top));
  const weights = xs.map((x) => Math.exp(x - top));
  const sumOfOthers = (numbers) => numbers.reduce((total, x, i) => (i === place ? total : total + x), 0);
  const [rest, others] = [sumOfOthers(weights), sumOfOthers(gradient)];
  const whole = top > -Infinity ? 1 + rest : NaN;
  const total = gradient[place] + others;
  return weights.map((e, i) => (i === place ? (gradient[i] * rest - others) / whole : gradient[i] - (e * total) / whole));
}

/** For each number the product of the others: no division, so zeros are fine. */
function productsOfTheOthers(xs) {
  const products = new Float64Array(xs.length).fill(1);
  for (let i = 1; i < xs.length; i++) products[i] = products[i - 1] * xs[i - 1];
  for (let i = xs.length - 1, after = 1; i >= 0; after *= xs[i--]) products[i] *= after;
  return products;
}

/** 1 for each number that equals the given one, 0 for others, over how many there are; nan if it is nan. */
function sharesOf(extreme, xs) {
  const count = xs.filter((x) => x === extreme).length;
  return xs.map((x) => (x === extreme ? 1 : 0) / count);
}

/** 1 at the largest number, shared equally by ties, 0 elsewhere; nan if any is nan. */
function largestShares(xs) {
  return sharesOf(largest(xs), xs);
}

/** The same for the smallest. */
function smallestShares(xs) {
  return sharesOf(smallest(xs), xs);
}

/** The number of rows in arguments of a program. Each has a width: how long its rows are, or null if they are numbers. */
function rowCount(inputs, widths) {
  if (inputs.length !== widths.length) {
    throw new TypeError(`expected ${widths.length} arrays with one row per observation, got ${inputs.length}`);
  }
  const batch = inputs.length ? inputs[0]?.length : 1;
  widths.forEach((width, k) => {
    checkRows(inputs[k], `argument ${k}`, width);
    if (inputs[k].length !== batch) {
      throw new RangeError(`argument ${k} has ${inputs[k].length} rows, but argument 0 has ${batch}`);
    }
  });
  return batch;
}

/** Throws unless all rows are arrays of so many numbers, or numbers if the width is null. */
function checkRows(rows, name, width) {
  if (!isArray(rows)) throw new TypeError(`${name} must be an array with one row per observation, got ${kindOf(rows)}`);
  if (!rows.length) throw new RangeError(`${name} must have at least one row`);
  if (width === null) return checkNumbers(rows, (i) => `row ${i} of ${name}`);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (!isArray(row) || row.length !== width) {
      throw new TypeError(`row ${i} of ${name} must be an array of ${width} numbers, got ${kindOf(row)}`);
    }
    checkNumbers(row, () => `row ${i} of ${name}`);
  }
}

/** Throws unless an array holds numbers; a typed array holds what its first element is. */
function checkNumbers(xs, nameOf) {
  const length = Array.isArray(xs) ? xs.length : Math.min(xs.length, 1);
  for (let i = 0; i < length; i++) {
    if (typeof xs[i] !== "number") throw new TypeError(`${nameOf(i)} must hold numbers, got ${kindOf(xs[i])}`);
  }
}

/** Whether this is an array, typed or not. */
function isArray(x) {
  return Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));
}

/** What something is, in an error message. */
function kindOf(x) {
  return x == null ? String(x) : isArray(x) ? `an array of ${x.length}` : `a ${typeof x}`;
}
