// A dense layer, one panel at a time. A panel holds kLanes samples, feature by feature:
// element (feature, lane) is panel[feature · kLanes + lane].
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "layout.hpp"
#include "simd.hpp"
#include "tile.hpp"

namespace eigenmlp {

namespace detail {

// The tiles are functions of their own, never inlined: in one large function the compiler runs out
// of registers for addresses, which costs a fifth of the speed.

template <bool kRelu, int kRows, typename Scalar>
EIGEN_DONT_INLINE void forward_tile(Index fan_in, const Scalar* weights, const Scalar* biases,
                                    const Scalar* input, Scalar* output) {
  Packet<Scalar> acc[kRows][kPanelVectors];
  for (int r = 0; r < kRows; ++r) {
    for (auto& vector : acc[r]) vector = broadcast(biases[r]);
  }
  multiply_accumulate<Scalar>(fan_in, weights, fan_in, 1, input, kLanes<Scalar>, acc);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kPanelVectors; ++v) {
      if constexpr (kRelu) acc[r][v] = pmax(acc[r][v], broadcast(Scalar(0)));
      pstore(output + r * kLanes<Scalar> + v * kWidth<Scalar>, acc[r][v]);
    }
  }
}

template <int kRows, typename Scalar>
EIGEN_DONT_INLINE void backward_tile(Index fan_in, Index fan_out, const Scalar* weights,
                                     const Scalar* delta, Scalar* below) {
  const Packet<Scalar> zero = broadcast(Scalar(0));
  Packet<Scalar> acc[kRows][kPanelVectors];
  for (auto& row : acc) {
    for (auto& vector : row) vector = zero;
  }
  multiply_accumulate<Scalar>(fan_out, weights, 1, fan_in, delta, kLanes<Scalar>, acc);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kPanelVectors; ++v) {
      Scalar* at = below + r * kLanes<Scalar> + v * kWidth<Scalar>;
      pstore(at, pselect(pcmp_lt(zero, load(at)), acc[r][v], zero));
    }
  }
}

// What the gradient of a tile of weights is summed from: see GradientSources.
template <typename Scalar>
struct TileSources {
  const Scalar* delta;
  Index delta_panel;  // from a panel's δ to the next one's
  const Scalar* inputs;
  Index input_stride;
  Index n_panels;
};

// gradient: kRows × (kVectors vectors), fan_in apart.
template <int kRows, int kVectors, typename Scalar>
EIGEN_DONT_INLINE void gradient_tile(TileSources<Scalar> from, bool accumulate, Index fan_in,
                                     Scalar* gradient) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  Packet<Scalar> acc[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      acc[r][v] =
          accumulate ? load_unaligned(gradient + r * fan_in + v * width) : broadcast(Scalar(0));
    }
  }
  for (Index panel = 0; panel < from.n_panels; ++panel) {
    multiply_accumulate<Scalar>(lanes, from.delta, lanes, 1, from.inputs, from.input_stride, acc);
    from.delta += from.delta_panel;
    from.inputs += lanes * from.input_stride;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) pstoreu(gradient + r * fan_in + v * width, acc[r][v]);
  }
}

}  // namespace detail

// output (fan_out × lanes) = W · input (fan_in × lanes) + b, through a ReLU if kRelu.
template <bool kRelu, typename Scalar>
void dense_forward(const Layer& layer, const Scalar* parameters, const Scalar* input,
                   Scalar* output) {
  const Scalar* weights = parameters + layer.weights;
  const Scalar* biases = parameters + layer.biases;
  for_each_tile(0, layer.fan_out, [&](auto rows, Index row) {
    detail::forward_tile<kRelu, rows>(layer.fan_in, weights + row * layer.fan_in, biases + row,
                                      input, output + row * kLanes<Scalar>);
  });
}

// below (fan_in × lanes): on entry the ReLU activations a of the layer below, on return its
// δ_below = (Wᵀ δ) ⊙ [a > 0]. delta: fan_out × lanes.
template <typename Scalar>
void dense_backward(const Layer& layer, const Scalar* parameters, const Scalar* delta,
                    Scalar* below) {
  const Scalar* weights = parameters + layer.weights;
  for_each_tile(0, layer.fan_in, [&](auto rows, Index row) {
    detail::backward_tile<rows>(layer.fan_in, layer.fan_out, weights + row, delta,
                                below + row * kLanes<Scalar>);
  });
}

// The δ of a layer and the activations below it, for all panels of a chunk of a batch.
template <typename Scalar>
struct GradientSources {
  const Scalar* delta;   // n_panels × (delta_stride × lanes), of which fan_out rows are used
  const Scalar* inputs;  // (n_panels · lanes) × input_stride, one sample a row, padded with zeros
  Index delta_stride;
  Index input_stride;
  Index n_panels;
};

// gradient ((last - first) × fan_in) = (or +=, if accumulate) rows [first, last) of
// dW = Σ_samples δ aᵀ, summed in the order of the samples.
template <typename Scalar>
void weight_gradient(const Layer& layer, const GradientSources<Scalar>& from, Index first,
                     Index last, bool accumulate, Scalar* gradient) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  constexpr Index block = kGradientVectors * width;
  const auto sources = [&](Index row, Index column) {
    return detail::TileSources<Scalar>{from.delta + row * lanes, from.delta_stride * lanes,
                                       from.inputs + column, from.input_stride, from.n_panels};
  };
  const auto at = [&](Index row, Index column) {
    return gradient + (row - first) * layer.fan_in + column;
  };
  Index column = 0;
  for (; column + block <= layer.fan_in; column += block) {
    for_each_tile(first, last, [&](auto rows, Index row) {
      detail::gradient_tile<rows, kGradientVectors>(sources(row, column), accumulate, layer.fan_in,
                                                    at(row, column));
    });
  }
  // The last columns, a vector at a time; the inputs' padding makes the loads safe, and a small
  // copy keeps the stores inside the row.
  for (; column < layer.fan_in; column += width) {
    const Index used = std::min(width, layer.fan_in - column);
    for_each_tile(first, last, [&](auto rows, Index row) {
      alignas(kAlignment) Scalar part[rows * width] = {};
      if (accumulate) {
        for (int r = 0; r < rows; ++r) std::copy_n(at(row + r, column), used, part + r * width);
      }
      detail::gradient_tile<rows, 1>(sources(row, column), accumulate, width, part);
      for (int r = 0; r < rows; ++r) std::copy_n(part + r * width, used, at(row + r, column));
    });
  }
}

// gradient (last - first) = (or +=) rows [first, last) of db = Σ_samples δ, in the order of the
// samples. Several rows at once hide the latency of the additions.
template <typename Scalar>
void bias_gradient(const GradientSources<Scalar>& from, Index first, Index last, bool accumulate,
                   Scalar* gradient) {
  constexpr Index lanes = kLanes<Scalar>;
  for_each_tile(first, last, [&](auto rows, Index row) {
    Scalar sums[rows] = {};
    if (accumulate) std::copy_n(gradient + (row - first), Index{rows}, sums);
    for (Index panel = 0; panel < from.n_panels; ++panel) {
      const Scalar* delta = from.delta + (panel * from.delta_stride + row) * lanes;
      for (Index lane = 0; lane < lanes; ++lane) {
        for (int r = 0; r < rows; ++r) sums[r] += delta[r * lanes + lane];
      }
    }
    std::copy_n(sums, Index{rows}, gradient + (row - first));
  });
}

}  // namespace eigenmlp
