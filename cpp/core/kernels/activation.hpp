// Activation functions and their derivatives, a vector at a time. Each is the same chain of
// additions, multiplications and divisions on every instruction set, so it has the same bits.
#pragma once

#include <iterator>
#include <type_traits>
#include <utility>

#include "kernels/simd.hpp"
#include "shapes/architecture.hpp"

namespace eigenmlp {

template <typename Scalar>
struct Activated {
  Packet<Scalar> value;
  Packet<Scalar> slope;  // dvalue/dz
};

namespace detail {

// coefficients[0] + x (coefficients[1] + x (…)).
template <typename Scalar, std::size_t kTerms>
EIGEN_STRONG_INLINE Packet<Scalar> polynomial(const Packet<Scalar>& x,
                                              const double (&coefficients)[kTerms]) {
  Packet<Scalar> sum = broadcast(static_cast<Scalar>(coefficients[kTerms - 1]));
  for (std::size_t i = kTerms - 1; i-- > 0;) {
    sum = pmadd(sum, x, broadcast(static_cast<Scalar>(coefficients[i])));
  }
  return sum;
}

// NaN where z is, which the bounds of exp() would hide.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> with_nan(const Packet<Scalar>& z, const Packet<Scalar>& value) {
  return pselect(pcmp_eq(z, z), value, z);
}

// 1/(1 + exp(-z)), from the exponential of -|z|, which can't overflow.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> logistic(const Packet<Scalar>& z) {
  const Packet<Scalar> one = broadcast(Scalar(1));
  const Packet<Scalar> e = exponential<Scalar>(pnegate(pabs(z)));
  const Packet<Scalar> numerator = pselect(pcmp_lt(z, broadcast(Scalar(0))), e, one);
  return with_nan<Scalar>(z, pdiv(numerator, padd(one, e)));
}

// Near zero, where 1 - 2/(exp(2|z|) + 1) would cancel, an odd series (float) or rational function
// (double): the ones of Cephes (Moshier, 1989), good to one or two units in the last place.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> tanh_of(const Packet<Scalar>& z) {
  const Packet<Scalar> one = broadcast(Scalar(1));
  const Packet<Scalar> magnitude = pabs(z);
  const Packet<Scalar> e = exponential<Scalar>(pmul(broadcast(Scalar(-2)), magnitude));
  const Packet<Scalar> far = pdiv(psub(one, e), padd(one, e));
  const Packet<Scalar> square = pmul(z, z);
  Packet<Scalar> ratio;
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    ratio = polynomial<Scalar>(square, {-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2,
                                        2.06390887954e-2, -5.70498872745e-3});
  } else {
    ratio = pdiv(polynomial<Scalar>(square, {-1.61468768441708447952e3, -9.92877231001918586564e1,
                                             -9.64399179425052238628e-1}),
                 polynomial<Scalar>(square, {4.84406305325125486048e3, 2.23548839060100448583e3,
                                             1.12811678491632931402e2, 1.0}));
  }
  const Packet<Scalar> near = pmadd(pmul(z, square), ratio, z);
  const Packet<Scalar> signed_far = pselect(pcmp_lt(z, broadcast(Scalar(0))), pnegate(far), far);
  const Packet<Scalar> value =
      pselect(pcmp_lt(magnitude, broadcast(Scalar(0.625))), near, signed_far);
  return with_nan<Scalar>(z, value);
}

// exp(z) - 1 = 2t/(1 - t) with t = tanh(z/2), which doesn't cancel near zero; for z <= 0.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> exponential_less_1(const Packet<Scalar>& z) {
  const Packet<Scalar> t = tanh_of<Scalar>(pmul(broadcast(Scalar(0.5)), z));
  return pdiv(padd(t, t), psub(broadcast(Scalar(1)), t));
}

// The normal distribution's upper tail 1 - Φ(u) for u >= 0, times exp(u²/2): t P(2t - 1) with
// t = 1/(1 + u/4), the Chebyshev interpolation of P to 9 (double) or 3 (float) units in the last
// place.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> scaled_tail(const Packet<Scalar>& u) {
  const Packet<Scalar> one = broadcast(Scalar(1));
  const Packet<Scalar> t = pdiv(one, pmadd(u, broadcast(Scalar(0.25)), one));
  const Packet<Scalar> x = psub(padd(t, t), one);
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return pmul(
        t, polynomial<Scalar>(x, {0.18882128596305847, 0.1519741415977478, 0.09678439050912857,
                                  0.04663104563951492, 0.015098828822374344, 0.0018803138518705964,
                                  -0.0008690491085872054, -0.0003939380112569779,
                                  3.2335032301489264e-05, 4.065407847519964e-05}));
  } else {
    return pmul(t, polynomial<Scalar>(
                       x, {0.18882128260393766,     0.15197416049297305,    0.09678435018560745,
                           0.04663046448990782,     0.015099143720573234,   0.0018850472419480878,
                           -0.0008699230578927994,  -0.0004077046187199162, 3.333580345673323e-05,
                           5.777377036357227e-05,   -4.75763118693067e-07,  -8.78635543679683e-06,
                           1.753014502067027e-07,   1.480632481599462e-06,  -1.5000437772071203e-07,
                           -2.5663007093870757e-07, 5.8725664265334134e-08, 4.046713959436675e-08,
                           -1.4154745790122871e-08, -4.852575341222416e-09, 1.6896247309169096e-09,
                           3.118101720544098e-10}));
  }
}

}  // namespace detail

template <Activation kActivation, typename Scalar>
EIGEN_STRONG_INLINE Activated<Scalar> activate(const Packet<Scalar>& z) {
  const Packet<Scalar> zero = broadcast(Scalar(0));
  const Packet<Scalar> one = broadcast(Scalar(1));
  if constexpr (kActivation == Activation::kIdentity) {
    return {z, one};
  } else if constexpr (kActivation == Activation::kRelu) {
    return {pmax(z, zero), pselect(pcmp_lt(zero, z), one, zero)};
  } else if constexpr (kActivation == Activation::kLogistic) {
    const Packet<Scalar> value = detail::logistic<Scalar>(z);
    return {value, pmul(value, psub(one, value))};
  } else if constexpr (kActivation == Activation::kTanh) {
    const Packet<Scalar> value = detail::tanh_of<Scalar>(z);
    return {value, psub(one, pmul(value, value))};
  } else if constexpr (kActivation == Activation::kLeakyRelu) {
    const Packet<Scalar> leak = broadcast(static_cast<Scalar>(kLeakySlope));
    const Packet<Scalar> slope = pselect(pcmp_lt(zero, z), one, leak);
    return {pmul(z, slope), slope};
  } else if constexpr (kActivation == Activation::kElu) {
    const Packet<Scalar> below = detail::exponential_less_1<Scalar>(pmin(z, zero));
    const Packet<Scalar> above = pcmp_lt(zero, z);
    return {pselect(above, z, detail::with_nan<Scalar>(z, below)),
            pselect(above, one, padd(below, one))};
  } else if constexpr (kActivation == Activation::kSelu) {
    const Packet<Scalar> scale = broadcast(static_cast<Scalar>(kSeluScale));
    const Packet<Scalar> scaled_alpha = broadcast(static_cast<Scalar>(kSeluScale * kSeluAlpha));
    const Packet<Scalar> below = detail::exponential_less_1<Scalar>(pmin(z, zero));
    const Packet<Scalar> above = pcmp_lt(zero, z);
    const Packet<Scalar> value = pselect(above, pmul(scale, z), pmul(scaled_alpha, below));
    return {detail::with_nan<Scalar>(z, value),
            pselect(above, scale, pmul(scaled_alpha, padd(below, one)))};
  } else if constexpr (kActivation == Activation::kSilu) {
    const Packet<Scalar> s = detail::logistic<Scalar>(z);
    const Packet<Scalar> value = pmul(z, s);
    return {value, pmadd(value, psub(one, s), s)};
  } else if constexpr (kActivation == Activation::kMish) {
    // z tanh(log(1 + w)) with w = exp(z), which is z n/(n + 2) with n = w (w + 2): nothing cancels,
    // and from 30 on the second factor is 1.
    const Packet<Scalar> two = broadcast(Scalar(2));
    const Packet<Scalar> bounded = pmin(z, broadcast(Scalar(30)));
    const Packet<Scalar> w = exponential<Scalar>(bounded);
    const Packet<Scalar> n = pmul(w, padd(w, two));
    const Packet<Scalar> whole = padd(n, two);
    const Packet<Scalar> share = pdiv(n, whole);
    // dshare/dz = 4w (1 + w)/(n + 2)², divided twice since the square may overflow.
    const Packet<Scalar> rise =
        pdiv(pdiv(pmul(broadcast(Scalar(4)), pmul(w, padd(one, w))), whole), whole);
    return {detail::with_nan<Scalar>(z, pmul(z, share)), pmadd(bounded, rise, share)};
  } else {
    static_assert(kActivation == Activation::kGelu);
    // z Φ(z), with Φ from the tail and the density from the same exponential.
    constexpr double kDensity = 0.3989422804014326779;  // 1/√(2π)
    const Packet<Scalar> e = exponential<Scalar>(pmul(pmul(z, z), broadcast(Scalar(-0.5))));
    const Packet<Scalar> tail = pmul(e, detail::scaled_tail<Scalar>(pabs(z)));
    const Packet<Scalar> phi = pselect(pcmp_lt(z, zero), tail, psub(one, tail));
    const Packet<Scalar> density = pmul(e, broadcast(static_cast<Scalar>(kDensity)));
    return {detail::with_nan<Scalar>(z, pmul(z, phi)), pmadd(z, density, phi)};
  }
}

// Calls body(std::integral_constant<Activation, …>).
template <typename Body>
EIGEN_STRONG_INLINE void with_activation(Activation activation, Body&& body) {
  const auto call = [&]<Activation kActivation>() {
    if (activation == kActivation) body(std::integral_constant<Activation, kActivation>{});
  };
  [&]<std::size_t... kIndices>(std::index_sequence<kIndices...>) {
    (call.template operator()<kActivations[kIndices].first>(), ...);
  }(std::make_index_sequence<std::size(kActivations)>{});
}

}  // namespace eigenmlp
