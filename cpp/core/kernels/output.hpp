// The output layer: from its pre-activations to a loss and δ in one pass over a vector of samples,
// or to predictions.
#pragma once

#include <algorithm>

#include "kernels/activation.hpp"
#include "kernels/softmax.hpp"
#include "shapes/buffer.hpp"
#include "shapes/loss.hpp"

namespace eigenmlp {

// A vector of samples at the output layer. Its outputs lie kLanes apart.
template <typename Scalar>
struct OutputVector {
  Index n_outputs;
  Index used;             // samples; the lanes beyond are padding
  const Label* labels;    // one per used sample, for kCrossEntropy
  const Scalar* targets;  // n_outputs, for the other losses
  const Scalar* factors;  // a vector, weight · scale for each sample, 0 for padding
  Scalar* z;              // n_outputs: pre-activations on entry, factor · dloss/dz on return
  Scalar* losses;         // a vector: the samples' losses, without weights
  Scalar* hits;           // a vector: 1 where the outputs, as classes, are all right; else 0
};

namespace detail {

// With label smoothing s the target is y' = (1 - s) y + s/K:
//   -Σ y' log ŷ = log Σ exp(z - z_max) + (1 - s) (z_max - z_label) + s/K Σ (z_max - z),
// which can't overflow.
template <typename Scalar>
void cross_entropy(const OutputVector<Scalar>& at, double smoothing) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  alignas(kAlignment) Scalar labelled[width] = {};
  for (Index lane = 0; lane < at.used; ++lane) {
    labelled[lane] = at.z[at.labels[lane] * lanes + lane];
  }
  const auto best = largest(at.n_outputs, at.z);
  // What the loss adds to log Σ exp(z - z_max), in differences from the largest logit, which keep
  // their digits.
  Packet<Scalar> behind = psub(best.logit, load(labelled));
  const auto uniform = static_cast<Scalar>(smoothing / static_cast<double>(at.n_outputs));
  const auto sharp = static_cast<Scalar>(1 - smoothing);
  if (smoothing != 0) {
    Packet<Scalar> all = broadcast(Scalar(0));
    for (Index c = 0; c < at.n_outputs; ++c) {
      all = padd(all, psub(best.logit, load(at.z + c * lanes)));
    }
    behind = pmadd(behind, broadcast(sharp), pmul(all, broadcast(uniform)));
  }
  const Packet<Scalar> sum = exponentials(at.n_outputs, best.logit, at.z);
  const Packet<Scalar> factor = load(at.factors);
  const Packet<Scalar> scaling = pdiv(factor, sum);
  const Packet<Scalar> spread = pmul(factor, broadcast(uniform));
  for (Index c = 0; c < at.n_outputs; ++c) {
    Scalar* z = at.z + c * lanes;
    const Packet<Scalar> probability = pmul(load(z), scaling);
    pstore(z, smoothing != 0 ? psub(probability, spread) : probability);
  }
  pstore(at.losses, padd(plog(sum), behind));
  alignas(kAlignment) Scalar predicted[width];
  pstore(predicted, best.index);
  for (Index lane = 0; lane < at.used; ++lane) {
    at.z[at.labels[lane] * lanes + lane] -= sharp * at.factors[lane];
    at.hits[lane] = predicted[lane] == static_cast<Scalar>(at.labels[lane]) ? 1 : 0;
  }
}

// A loss that is a sum over outputs. of(z, y) -> {loss, dloss/dz}; right(z, y) -> mask of lanes.
template <typename Scalar, typename Of, typename Right>
EIGEN_STRONG_INLINE void separable(const OutputVector<Scalar>& at, Of&& of, Right&& right) {
  const Packet<Scalar> zero = broadcast(Scalar(0));
  const Packet<Scalar> factor = load(at.factors);
  Packet<Scalar> loss = zero;
  Packet<Scalar> hit = broadcast(Scalar(1));
  for (Index o = 0; o < at.n_outputs; ++o) {
    const Packet<Scalar> z = load(at.z + o * kLanes<Scalar>);
    const Packet<Scalar> y = load(at.targets + o * kLanes<Scalar>);
    const auto [value, slope] = of(z, y);
    // A NaN or infinite z makes the loss NaN or infinite whatever the formula does with it.
    loss = padd(loss, padd(value, psub(z, z)));
    hit = pselect(right(z, y), hit, zero);
    pstore(at.z + o * kLanes<Scalar>, pmul(factor, slope));
  }
  pstore(at.losses, loss);
  pstore(at.hits, hit);
}

}  // namespace detail

template <typename Scalar>
void loss_and_delta(const Loss& loss, const OutputVector<Scalar>& at) {
  using Vector = Packet<Scalar>;
  const Vector zero = broadcast(Scalar(0));
  const Vector one = broadcast(Scalar(1));
  const Vector half = broadcast(Scalar(0.5));
  const auto none_right = [&](const Vector&, const Vector&) { return pcmp_lt(zero, zero); };
  switch (loss.kind) {
    case LossKind::kCrossEntropy:
      return detail::cross_entropy(at, loss.parameter);
    case LossKind::kBinaryCrossEntropy:
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            // max(z, 0) - z y + log(1 + exp(-|z|)), which can't overflow.
            const Vector e = exponential<Scalar>(pnegate(pabs(z)));
            const Vector value = padd(psub(pmax(z, zero), pmul(z, y)), plog(padd(one, e)));
            return Activated<Scalar>{value, psub(detail::logistic<Scalar>(z), y)};
          },
          [&](const Vector& z, const Vector& y) {
            // As in predictions by p > ½, not by z > 0: for a small z > 0, p rounds to ½.
            const Vector positive = pselect(pcmp_lt(half, detail::logistic<Scalar>(z)), one, zero);
            const Vector wanted = pselect(pcmp_lt(half, y), one, zero);
            return pcmp_eq(positive, wanted);
          });
    case LossKind::kSquaredError:
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            const Vector error = psub(z, y);
            return Activated<Scalar>{pmul(half, pmul(error, error)), error};
          },
          none_right);
    case LossKind::kAbsoluteError:
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            const Vector error = psub(z, y);
            const Vector below = pselect(pcmp_lt(error, zero), pnegate(one), zero);
            return Activated<Scalar>{pabs(error), pselect(pcmp_lt(zero, error), one, below)};
          },
          none_right);
    case LossKind::kHuber: {
      const Vector delta = broadcast(static_cast<Scalar>(loss.parameter));
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            const Vector error = psub(z, y);
            // ½ c² + δ (|e| - c) with c = min(|e|, δ).
            const Vector magnitude = pabs(error);
            const Vector core = pmin(magnitude, delta);
            const Vector value = pmadd(delta, psub(magnitude, core), pmul(half, pmul(core, core)));
            return Activated<Scalar>{value, pselect(pcmp_lt(error, zero), pnegate(core), core)};
          },
          none_right);
    }
    case LossKind::kQuantile: {
      const Vector below = broadcast(static_cast<Scalar>(-loss.parameter));
      const Vector above = broadcast(static_cast<Scalar>(1 - loss.parameter));
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            const Vector error = psub(z, y);
            // No slope at the target itself, as with the absolute error.
            const Vector slope = pselect(pcmp_lt(error, zero), below, zero);
            return Activated<Scalar>{pmax(pmul(above, error), pmul(below, error)),
                                     pselect(pcmp_lt(zero, error), above, slope)};
          },
          none_right);
    }
    case LossKind::kPoisson:
      return detail::separable(
          at,
          [&](const Vector& z, const Vector& y) {
            const Vector mean = exponential<Scalar>(z);
            // y log y is 0 at 0.
            const Vector positive = pcmp_lt(zero, y);
            const Vector log = plog(pselect(positive, y, one));
            const Vector value = padd(pmul(y, psub(log, z)), psub(mean, y));
            return Activated<Scalar>{value, psub(mean, y)};
          },
          none_right);
  }
}

// Pre-activations z (n_outputs, kLanes apart; a vector of samples) -> predictions.
template <typename Scalar>
void predict_outputs(Output output, Index n_outputs, Scalar* z) {
  if (output == Output::kSoftmax) return softmax(n_outputs, z);
  for (Index o = 0; o < n_outputs; ++o, z += kLanes<Scalar>) {
    const Packet<Scalar> value = load(z);
    // NaN where z is not finite.
    const Packet<Scalar> nothing = psub(value, value);
    if (output == Output::kLogistic) {
      pstore(z, padd(detail::logistic<Scalar>(value), nothing));
    } else if (output == Output::kExponential) {
      pstore(z, padd(exponential<Scalar>(value), nothing));
    } else {
      pstore(z, padd(value, nothing));
    }
  }
}

}  // namespace eigenmlp
