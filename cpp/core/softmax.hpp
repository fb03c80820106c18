// The output layer: softmax, cross-entropy and δ in one pass over a vector of samples.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "simd.hpp"

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

// logits (n_classes, kLanes apart): a vector of samples' on entry; on return scale · (ŷ - y) for
// the first `used` samples and 0 for the padding. labels, losses: one a used sample. Returns the
// hits. -log ŷ_label = log Σ exp(z - z_max) + z_max - z_label, which can't overflow.
template <typename Scalar>
Index softmax_cross_entropy(Index n_classes, const Label* labels, Index used, Scalar scale,
                            Scalar* logits, Scalar* losses) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  alignas(kAlignment) Scalar labelled[width] = {};
  alignas(kAlignment) Scalar factor[width] = {};
  for (Index lane = 0; lane < used; ++lane) {
    labelled[lane] = logits[labels[lane] * lanes + lane];
    factor[lane] = scale;
  }

  const auto best = detail::largest(n_classes, logits);
  const Packet<Scalar> sum = detail::exponentials(n_classes, best.logit, logits);
  const Packet<Scalar> scaling = pdiv(load(factor), sum);
  for (Index c = 0; c < n_classes; ++c) {
    Scalar* at = logits + c * lanes;
    pstore(at, pmul(load(at), scaling));
  }

  alignas(kAlignment) Scalar loss[width];
  alignas(kAlignment) Scalar predicted[width];
  pstore(loss, padd(plog(sum), psub(best.logit, load(labelled))));
  pstore(predicted, best.index);
  std::copy_n(loss, used, losses);
  Index correct = 0;
  for (Index lane = 0; lane < used; ++lane) {
    logits[labels[lane] * lanes + lane] -= scale;
    correct += predicted[lane] == static_cast<Scalar>(labels[lane]);
  }
  return correct;
}

}  // namespace eigenmlp
