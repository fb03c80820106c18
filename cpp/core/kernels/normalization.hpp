// Batch and layer normalization: x̂ = (z - μ)/√(σ² + ε) over the samples of a batch (a unit at a
// time) or over the units of a sample, then γ x̂ + β (Ioffe & Szegedy, 2015; Ba et al., 2016).
//
// Sums over samples go sample by sample, and sums over units unit by unit, whatever the width of a
// vector, so that they have the same bits.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/dense.hpp"
#include "kernels/simd.hpp"
#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"

namespace eigenmlp {

// Share of a batch's statistics in the running ones after it.
inline constexpr double kStatisticsMomentum = 0.1;

// The samples that a sum over a batch runs over, their weights (0 for padding), and the sum of the
// weights of the whole batch.
template <typename Scalar>
struct SampleWeights {
  Index count;
  const Scalar* weights;
  Scalar weight;
};

namespace detail {

// Units whose sums over samples go side by side, so that the chain of one hides the latency of the
// others.
inline constexpr Index kUnitsTogether = 8;

// body(unit, n_units) for the units of [begin, end), kUnitsTogether at a time.
template <typename Body>
void for_units(Share units, Body&& body) {
  for (Index unit = units.begin; unit < units.end; unit += kUnitsTogether) {
    body(unit, std::min(kUnitsTogether, units.end - unit));
  }
}

// add(i, at) for each unit i of n_units and each sample, in the order of the samples; at: the
// offset of (unit + i, sample) in panels of this stride.
template <typename Scalar, typename Add>
EIGEN_STRONG_INLINE void for_samples(Index count, Index unit, Index n_units, Index stride,
                                     Add&& add) {
  for (Index sample = 0; sample < count; ++sample) {
    const Index at =
        sample / kLanes<Scalar> * stride + unit * kLanes<Scalar> + sample % kLanes<Scalar>;
    for (Index i = 0; i < n_units; ++i) add(i, at + i * kLanes<Scalar>, sample);
  }
}

}  // namespace detail

// Batch normalization of a share of a layer's units over all panels of a batch.
// values (panels): z on entry, γ x̂ + β on return; normalized (panels): x̂, for the way back;
// deviations[unit] = 1/√(σ² + ε), means[unit] = μ, variances[unit] = σ² · n/(n - 1), or
// σ² of a single sample.
template <typename Scalar>
void batch_normalize(const Layer& layer, const Scalar* parameters, Share units,
                     const SampleWeights<Scalar>& samples, Index n_panels, Panels<Scalar> values,
                     Panels<Scalar> normalized, Scalar* deviations, Scalar* means,
                     Scalar* variances) {
  const Index stride = values.stride;
  // n/(n - 1), where n is the sum of the weights, which say how often samples count, but at least
  // the number of samples.
  const Scalar n_counted = std::max(samples.weight, static_cast<Scalar>(samples.count));
  const Scalar unbiased = n_counted > 1 ? n_counted / (n_counted - 1) : Scalar(1);
  detail::for_units(units, [&](Index unit, Index n) {
    Scalar mean[detail::kUnitsTogether] = {};
    Scalar variance[detail::kUnitsTogether] = {};
    detail::for_samples<Scalar>(samples.count, unit, n, stride,
                                [&](Index i, Index at, Index sample) {
                                  mean[i] += samples.weights[sample] * values.data[at];
                                });
    for (Index i = 0; i < n; ++i) mean[i] /= samples.weight;
    detail::for_samples<Scalar>(
        samples.count, unit, n, stride, [&](Index i, Index at, Index sample) {
          const Scalar difference = values.data[at] - mean[i];
          variance[i] += samples.weights[sample] * (difference * difference);
        });
    for (Index i = 0; i < n; ++i) {
      const Index u = unit + i;
      variance[i] /= samples.weight;
      deviations[u] = 1 / std::sqrt(variance[i] + static_cast<Scalar>(kNormalizationEpsilon));
      means[u] = mean[i];
      variances[u] = variance[i] * unbiased;
      const Packet<Scalar> center = broadcast(mean[i]);
      const Packet<Scalar> deviation = broadcast(deviations[u]);
      const Packet<Scalar> gain = broadcast(parameters[layer.gains + u]);
      const Packet<Scalar> shift = broadcast(parameters[layer.shifts + u]);
      for (Index panel = 0; panel < n_panels; ++panel) {
        for (Index lane = 0; lane < kLanes<Scalar>; lane += kWidth<Scalar>) {
          const Index at = u * kLanes<Scalar> + lane;
          const Packet<Scalar> x = pmul(psub(load(values.at(panel) + at), center), deviation);
          pstore(normalized.at(panel) + at, x);
          pstore(values.at(panel) + at, pmadd(x, gain, shift));
        }
      }
    }
  });
}

// Moves the running statistics in the flat buffer towards those of a batch.
template <typename Scalar>
void update_running(const Layer& layer, const Scalar* means, const Scalar* variances,
                    Scalar* parameters) {
  constexpr auto share = static_cast<Scalar>(kStatisticsMomentum);
  const auto move = [&](Scalar* running, const Scalar* batch) {
    for (Index u = 0; u < layer.fan_out; ++u) running[u] += share * (batch[u] - running[u]);
  };
  move(parameters + layer.means, means);
  move(parameters + layer.variances, variances);
}

// values (n_units units from `unit` on, n_vectors vectors of samples): z on entry, normalized by
// the running statistics on return.
template <typename Scalar>
void normalize_by_running(const Layer& layer, const Scalar* parameters, Index unit, Index n_units,
                          int n_vectors, Scalar* values) {
  for (Index u = unit; u < unit + n_units; ++u, values += kLanes<Scalar>) {
    const Scalar deviation =
        1 / std::sqrt(parameters[layer.variances + u] + static_cast<Scalar>(kNormalizationEpsilon));
    const Packet<Scalar> center = broadcast(parameters[layer.means + u]);
    const Packet<Scalar> gain = broadcast(parameters[layer.gains + u]);
    const Packet<Scalar> shift = broadcast(parameters[layer.shifts + u]);
    for (Index lane = 0; lane < n_vectors * kWidth<Scalar>; lane += kWidth<Scalar>) {
      const Packet<Scalar> x = pmul(psub(load(values + lane), center), broadcast(deviation));
      pstore(values + lane, pmadd(x, gain, shift));
    }
  }
}

// Layer normalization of a vector of samples. values (fan_out units, kLanes apart): z on entry,
// γ x̂ + β on return. normalized: x̂, and deviations (a vector): 1/√(σ² + ε), or null where there is
// no way back.
template <typename Scalar>
void layer_normalize(const Layer& layer, const Scalar* parameters, Scalar* values,
                     Scalar* normalized, Scalar* deviations) {
  constexpr Index lanes = kLanes<Scalar>;
  const Packet<Scalar> count = broadcast(static_cast<Scalar>(layer.fan_out));
  Packet<Scalar> sum = broadcast(Scalar(0));
  for (Index u = 0; u < layer.fan_out; ++u) sum = padd(sum, load(values + u * lanes));
  const Packet<Scalar> mean = pdiv(sum, count);
  Packet<Scalar> squares = broadcast(Scalar(0));
  for (Index u = 0; u < layer.fan_out; ++u) {
    const Packet<Scalar> difference = psub(load(values + u * lanes), mean);
    squares = pmadd(difference, difference, squares);
  }
  const Packet<Scalar> epsilon = broadcast(static_cast<Scalar>(kNormalizationEpsilon));
  // The difference is NaN where the squares overflow, which would else give all samples one output.
  const Packet<Scalar> deviation =
      padd(pdiv(broadcast(Scalar(1)), square_root(padd(pdiv(squares, count), epsilon))),
           psub(squares, squares));
  if (deviations) pstore(deviations, deviation);
  for (Index u = 0; u < layer.fan_out; ++u) {
    const Packet<Scalar> x = pmul(psub(load(values + u * lanes), mean), deviation);
    if (normalized) pstore(normalized + u * lanes, x);
    pstore(values + u * lanes, pmadd(x, broadcast(parameters[layer.gains + u]),
                                     broadcast(parameters[layer.shifts + u])));
  }
}

// The gradients of a share of a layer's gains and shifts: Σ δ x̂ and Σ δ over the samples of a
// chunk, δ of γ x̂ + β; added to what earlier chunks left if `resume`. gains, shifts: fan_out each.
template <typename Scalar>
void normalization_gradients(Share units, Index count, const Panels<Scalar>& delta,
                             const Panels<Scalar>& normalized, bool resume, Scalar* gains,
                             Scalar* shifts) {
  detail::for_units(units, [&](Index unit, Index n) {
    Scalar by_gain[detail::kUnitsTogether] = {};
    Scalar by_shift[detail::kUnitsTogether] = {};
    if (resume) {
      std::copy_n(gains + unit, n, by_gain);
      std::copy_n(shifts + unit, n, by_shift);
    }
    detail::for_samples<Scalar>(count, unit, n, delta.stride, [&](Index i, Index at, Index) {
      by_gain[i] += delta.data[at] * normalized.data[at];
      by_shift[i] += delta.data[at];
    });
    std::copy_n(by_gain, n, gains + unit);
    std::copy_n(by_shift, n, shifts + unit);
  });
}

// δ of γ x̂ + β -> δ of z, for a share of the units of a whole batch:
//   δ_z = γ/√(σ² + ε) (δ - w/W (Σδ + x̂ Σ δ x̂)), w and W being a sample's weight and their sum.
template <typename Scalar>
void batch_normalize_backward(const Layer& layer, const Scalar* parameters, Share units,
                              const SampleWeights<Scalar>& samples, Index n_panels,
                              const Panels<Scalar>& normalized, const Scalar* deviations,
                              const Scalar* gains, const Scalar* shifts, Panels<Scalar> delta) {
  constexpr Index lanes = kLanes<Scalar>;
  const Packet<Scalar> weight = broadcast(samples.weight);
  for (Index u = units.begin; u < units.end; ++u) {
    const Packet<Scalar> by_gain = broadcast(gains[u]);
    const Packet<Scalar> by_shift = broadcast(shifts[u]);
    const Packet<Scalar> factor = broadcast(parameters[layer.gains + u] * deviations[u]);
    for (Index panel = 0; panel < n_panels; ++panel) {
      for (Index lane = 0; lane < lanes; lane += kWidth<Scalar>) {
        const Index at = u * lanes + lane;
        const Packet<Scalar> share = pdiv(load(samples.weights + panel * lanes + lane), weight);
        const Packet<Scalar> common =
            pmul(share, pmadd(load(normalized.at(panel) + at), by_gain, by_shift));
        pstore(delta.at(panel) + at, pmul(factor, psub(load(delta.at(panel) + at), common)));
      }
    }
  }
}

// The same for layer normalization and a vector of samples, with sums over units instead:
//   δ_z = 1/√(σ² + ε) (γδ - (Σγδ + x̂ Σ γδ x̂)/fan_out).
template <typename Scalar>
void layer_normalize_backward(const Layer& layer, const Scalar* parameters,
                              const Scalar* normalized, const Scalar* deviations, Scalar* delta) {
  constexpr Index lanes = kLanes<Scalar>;
  const Packet<Scalar> count = broadcast(static_cast<Scalar>(layer.fan_out));
  Packet<Scalar> sum = broadcast(Scalar(0));
  Packet<Scalar> product = broadcast(Scalar(0));
  for (Index u = 0; u < layer.fan_out; ++u) {
    const Packet<Scalar> scaled =
        pmul(load(delta + u * lanes), broadcast(parameters[layer.gains + u]));
    sum = padd(sum, scaled);
    product = pmadd(scaled, load(normalized + u * lanes), product);
  }
  const Packet<Scalar> deviation = load(deviations);
  for (Index u = 0; u < layer.fan_out; ++u) {
    const Packet<Scalar> scaled =
        pmul(load(delta + u * lanes), broadcast(parameters[layer.gains + u]));
    const Packet<Scalar> common = pdiv(pmadd(load(normalized + u * lanes), product, sum), count);
    pstore(delta + u * lanes, pmul(deviation, psub(scaled, common)));
  }
}

}  // namespace eigenmlp
