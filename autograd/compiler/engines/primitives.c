/* What C99 lacks of the arithmetic in `arithmetic.py` and `arrays.py`. Exports paste the definitions that they use: each
   is one block without blank lines, and begins with its description. `c.py` turns double into float where asked. */

/* The larger one; nan if either is nan. */
static double maximum(double x, double y)
{
    return x > y || isnan(x) ? x : y;
}

/* The smaller one; nan if either is nan. */
static double minimum(double x, double y)
{
    return x < y || isnan(x) ? x : y;
}

/* The remainder of x / y, with the sign of y; nan for y = 0. */
static double mod(double x, double y)
{
    const double rest = fmod(x, y);
    if (rest == 0.0) {
        return copysign(0.0, y);
    }
    return (rest < 0.0) != (y < 0.0) ? rest + y : rest;
}

/* -1, 0 or 1; nan at nan. */
static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : isnan(x) ? x : 0.0;
}

/* 1 above the threshold, 0 below, `tie` at it; nan where they do not compare. */
static double heaviside(double x, double threshold, double tie)
{
    return x > threshold ? 1.0 : x < threshold ? 0.0 : x == threshold ? tie : NAN;
}

/* 1 / (1 + exp(-x)), from the exponential that cannot overflow. */
static double sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

/* 1 / cosh(x), also where cosh overflows. */
static double sech(double x)
{
    const double e = exp(-fabs(x));
    return 2.0 * e / (1.0 + e * e);
}

/* 1 - x * x, without the cancellation near 1 and -1. */
static double one_minus_square(double x)
{
    return (1.0 - x) * (1.0 + x);
}

/* x / hypot(x, y), also where hypot overflows or is subnormal; 0 at the origin. */
static double direction(double x, double y)
{
    if (x == 0.0 && y == 0.0) {
        return 0.0;
    }
    if (fabs(x) >= fabs(y)) {
        return copysign(1.0 / hypot(1.0, y / x), x);
    }
    return copysign(1.0, y) * (x / y) / hypot(1.0, x / y);
}

/* exp(-x * x / 2), the square split into an exact part and a small rest (W. J. Cody, 1969). */
static double gaussian(double x)
{
    const double exact = floor(x * 16.0) / 16.0;
    return fabs(x) > 40.0 ? 0.0 : exp(-0.5 * exact * exact) * exp(-0.5 * (x - exact) * (x + exact));
}

/* The standard normal distribution function, corrected for the rounding of x / sqrt(2). */
static double normal_cdf(double x)
{
    const double half = 0.7071067811865476, rest_of_half = -4.833646656726457e-17; /* sqrt(1/2), and what it lacks */
    const double error = fma(x, half, -(x * half)) + x * rest_of_half;
    const double correction = fabs(x) < 40.0 ? error * gaussian(x) * 0.5641895835477563 : 0.0; /* over sqrt(pi) */
    return 0.5 * erfc(-x * half) + correction;
}

/* log(exp(x) + exp(y)), measured from the larger one so that nothing overflows. */
static double log_add_exp(double x, double y)
{
    const double top = maximum(x, y);
    return isfinite(top) ? top + log1p(exp(minimum(x, y) - top)) : top;
}

/* The number of the largest of n numbers; that of the first nan, if there is one. */
static size_t place_of_largest(const double *x, size_t n)
{
    size_t place = 0;
    for (size_t i = 1; i < n; i++) {
        if (x[i] > x[place] || (isnan(x[i]) && !isnan(x[place]))) {
            place = i;
        }
    }
    return place;
}

/* The number of the smallest of n numbers; that of the first nan, if there is one. */
static size_t place_of_smallest(const double *x, size_t n)
{
    size_t place = 0;
    for (size_t i = 1; i < n; i++) {
        if (x[i] < x[place] || (isnan(x[i]) && !isnan(x[place]))) {
            place = i;
        }
    }
    return place;
}

/* log(sum(exp(x))) of n numbers, measured from the largest one so that nothing overflows. */
static double log_sum_exp(const double *x, size_t n)
{
    const size_t place = place_of_largest(x, n);
    double rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        rest += i == place ? 0.0 : exp(x[i] - x[place]);
    }
    return isfinite(x[place]) ? x[place] + log1p(rest) : x[place];
}

/* exp(x) / sum(exp(x)) for each of n numbers. One that is infinite has everything; the shares of several are nan. */
static void softmax(const double *x, size_t n, double *shares)
{
    const size_t place = place_of_largest(x, n);
    const double top = x[place];
    double rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        shares[i] = i == place ? 1.0 : exp(x[i] - top);
        rest += i == place ? 0.0 : shares[i];
    }
    for (size_t i = 0; i < n; i++) {
        shares[i] = top > -INFINITY ? shares[i] / (1.0 + rest) : NAN;
    }
}

/* The gradient of x for shares p = softmax(x), given that of p. All are taken relative to that of the largest share. */
static void softmax_pull(const double *p, const double *gradient, size_t n, double *pulled)
{
    const double base = gradient[place_of_largest(p, n)];
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += p[i] * (gradient[i] - base);
    }
    for (size_t i = 0; i < n; i++) {
        pulled[i] = p[i] * (gradient[i] - base - total);
    }
}

/* x - log(sum(exp(x))) for each of n numbers. Measured from the largest one, it keeps its digits. */
static void log_softmax(const double *x, size_t n, double *logs)
{
    const size_t place = place_of_largest(x, n);
    const double top = x[place];
    double rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        rest += i == place ? 0.0 : exp(x[i] - top);
    }
    const double others = isfinite(top) ? log1p(rest) : isnan(top) ? top : 0.0;
    for (size_t i = 0; i < n; i++) {
        logs[i] = top < INFINITY && isinf(top) ? top : i == place ? -log1p(rest) : x[i] - top - others;
    }
}

/* The gradient of x, given that of log_softmax(x). For the largest x the sum of the other shares stands for 1 - p. */
static void log_softmax_pull(const double *x, const double *gradient, size_t n, double *pulled)
{
    const size_t place = place_of_largest(x, n);
    double rest = 0.0, others = 0.0;
    for (size_t i = 0; i < n; i++) {
        pulled[i] = exp(x[i] - x[place]);
        rest += i == place ? 0.0 : pulled[i];
        others += i == place ? 0.0 : gradient[i];
    }
    const double whole = x[place] > -INFINITY ? 1.0 + rest : NAN;
    const double total = gradient[place] + others;
    for (size_t i = 0; i < n; i++) {
        pulled[i] = gradient[i] - pulled[i] * total / whole;
    }
    pulled[place] = (gradient[place] * rest - others) / whole;
}

/* For each of n numbers the product of the others: no division, so zeros are fine. */
static void products_of_the_others(const double *x, size_t n, double *products)
{
    double before = 1.0, after = 1.0;
    for (size_t i = 0; i < n; i++) {
        products[i] = before;
        before *= x[i];
    }
    for (size_t i = n; i-- > 0;) {
        products[i] *= after;
        after *= x[i];
    }
}

/* The product of n numbers. */
static double product(const double *x, size_t n)
{
    double result = 1.0;
    for (size_t i = 0; i < n; i++) {
        result *= x[i];
    }
    return result;
}

/* The largest of n numbers; nan if any is nan. */
static double largest(const double *x, size_t n)
{
    return x[place_of_largest(x, n)];
}

/* The smallest of n numbers; nan if any is nan. */
static double smallest(const double *x, size_t n)
{
    return x[place_of_smallest(x, n)];
}

/* 1 for each of n numbers that equals the given one, 0 for others, over how many there are; nan if it is nan. */
static void shares_of(double extreme, const double *x, size_t n, double *shares)
{
    double count = 0.0;
    for (size_t i = 0; i < n; i++) {
        count += x[i] == extreme ? 1.0 : 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        shares[i] = (x[i] == extreme ? 1.0 : 0.0) / count;
    }
}

/* 1 at the largest of n numbers, shared equally by ties, 0 elsewhere; nan if any is nan. */
static void largest_shares(const double *x, size_t n, double *shares)
{
    shares_of(largest(x, n), x, n, shares);
}

/* The same for the smallest. */
static void smallest_shares(const double *x, size_t n, double *shares)
{
    shares_of(smallest(x, n), x, n, shares);
}
