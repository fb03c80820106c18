// Softmax over a vector of samples.
#pragma once

#include <algorithm>

#include "kernels/simd.hpp"
#include "shapes/buffer.hpp"

namespace eigenmlp {

namespace detail {

// The largest logit of each lane and the first class that has it; both NaN where a logit is not
// finite, which comparisons alone would pass over.
template <typename Scalar>
struct Largest {
  Packet<Scalar> logit;
  Packet<Scalar> index;
};

// z: first vector of the logits, one class every kLanes.
template <typename Scalar>
EIGEN_STRONG_INLINE Largest<Scalar> largest(Index n_classes, const Scalar* z) {
  Largest<Scalar> best{load(z), broadcast(Scalar(0))};
  Packet<Scalar> zero_or_nan = psub(best.logit, best.logit);
  for (Index c = 1; c < n_classes; ++c) {
    const Packet<Scalar> logit = load(z + c * kLanes<Scalar>);
    zero_or_nan = padd(zero_or_nan, psub(logit, logit));
    const Packet<Scalar> better = pcmp_lt(best.logit, logit);
    best.logit = pselect(better, logit, best.logit);
    best.index = pselect(better, broadcast(static_cast<Scalar>(c)), best.index);
  }
  return {padd(best.logit, zero_or_nan), padd(best.index, zero_or_nan)};
}

// Replaces logits z by exp(z - largest); returns their sum.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> exponentials(Index n_classes, const Packet<Scalar>& largest,
                                                Scalar* z) {
  Packet<Scalar> sum = broadcast(Scalar(0));
  for (Index c = 0; c < n_classes; ++c) {
    Scalar* at = z + c * kLanes<Scalar>;
    const Packet<Scalar> e = exponential<Scalar>(psub(load(at), largest));
    pstore(at, e);
    sum = padd(sum, e);
  }
  return sum;
}

}  // namespace detail

// logits (n_classes, kLanes apart): a vector of samples' logits on entry, probabilities ŷ on
// return.
template <typename Scalar>
void softmax(Index n_classes, Scalar* logits) {
  const Packet<Scalar> largest = detail::largest(n_classes, logits).logit;
  const Packet<Scalar> sum = detail::exponentials(n_classes, largest, logits);
  for (Index c = 0; c < n_classes; ++c) {
    Scalar* at = logits + c * kLanes<Scalar>;
    pstore(at, pdiv(load(at), sum));
  }
}

// classes (a vector): the first largest of the logits (n_classes, kLanes apart), or NaN.
template <typename Scalar>
void largest_class(Index n_classes, const Scalar* logits, Scalar* classes) {
  pstore(classes, detail::largest(n_classes, logits).index);
}

}  // namespace eigenmlp
