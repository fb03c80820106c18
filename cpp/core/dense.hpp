// A dense layer, one panel at a time. A panel holds kLanes samples, feature by feature:
// element (feature, lane) is panel[feature · kLanes + lane].
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "layout.hpp"
#include "simd.hpp"
#include "tile.hpp"

namespace eigenmlp {

// output (fan_out × lanes) = W · input (fan_in × lanes) + b, through a ReLU if kRelu.
template <bool kRelu, typename Scalar>
void dense_forward(const Layer& layer, const Scalar* parameters, const Scalar* input,
                   Scalar* output) {
  const Scalar* weights = parameters + layer.weights;
  const Scalar* biases = parameters + layer.biases;
  for_each_tile(0, layer.fan_out, [&](auto rows, Index first) {
    Packet<Scalar> acc[rows][kPanelVectors];
    for (int r = 0; r < rows; ++r) {
      for (auto& vector : acc[r]) vector = broadcast(biases[first + r]);
    }
    multiply_accumulate<Scalar>(layer.fan_in, weights + first * layer.fan_in, layer.fan_in, 1,
                                input, kLanes<Scalar>, acc);
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < kPanelVectors; ++v) {
        if constexpr (kRelu) acc[r][v] = pmax(acc[r][v], broadcast(Scalar(0)));
        pstore(output + (first + r) * kLanes<Scalar> + v * kWidth<Scalar>, acc[r][v]);
      }
    }
  });
}

// below (fan_in × lanes): on entry the ReLU activations a of the layer below, on return its
// δ_below = (Wᵀ δ) ⊙ [a > 0]. delta: fan_out × lanes.
template <typename Scalar>
void dense_backward(const Layer& layer, const Scalar* parameters, const Scalar* delta,
                    Scalar* below) {
  const Scalar* weights = parameters + layer.weights;
  for_each_tile(0, layer.fan_in, [&](auto rows, Index first) {
    const Packet<Scalar> zero = broadcast(Scalar(0));
    Packet<Scalar> acc[rows][kPanelVectors];
    for (auto& row : acc) {
      for (auto& vector : row) vector = zero;
    }
    multiply_accumulate<Scalar>(layer.fan_out, weights + first, 1, layer.fan_in, delta,
                                kLanes<Scalar>, acc);
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < kPanelVectors; ++v) {
        Scalar* at = below + (first + r) * kLanes<Scalar> + v * kWidth<Scalar>;
        pstore(at, pselect(pcmp_lt(zero, load(at)), acc[r][v], zero));
      }
    }
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

namespace detail {

template <int kRows, int kVectors, typename Scalar>
EIGEN_STRONG_INLINE void gradient_tile(const GradientSources<Scalar>& from, Index row, Index column,
                                       Packet<Scalar> (&acc)[kRows][kVectors]) {
  constexpr Index lanes = kLanes<Scalar>;
  for (Index panel = 0; panel < from.n_panels; ++panel) {
    multiply_accumulate<Scalar>(lanes, from.delta + (panel * from.delta_stride + row) * lanes,
                                lanes, 1, from.inputs + panel * lanes * from.input_stride + column,
                                from.input_stride, acc);
  }
}

}  // namespace detail

// gradient ((last - first) × fan_in) = (or +=, if accumulate) rows [first, last) of
// dW = Σ_samples δ aᵀ, summed in the order of the samples.
template <typename Scalar>
void weight_gradient(const Layer& layer, const GradientSources<Scalar>& from, Index first,
                     Index last, bool accumulate, Scalar* gradient) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index block = kGradientVectors * width;
  const auto at = [&](Index row, Index column) {
    return gradient + (row - first) * layer.fan_in + column;
  };
  Index column = 0;
  for (; column + block <= layer.fan_in; column += block) {
    for_each_tile(first, last, [&](auto rows, Index row) {
      Packet<Scalar> acc[rows][kGradientVectors];
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < kGradientVectors; ++v) {
          acc[r][v] =
              accumulate ? load_unaligned(at(row + r, column + v * width)) : broadcast(Scalar(0));
        }
      }
      detail::gradient_tile(from, row, column, acc);
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < kGradientVectors; ++v) {
          pstoreu(at(row + r, column + v * width), acc[r][v]);
        }
      }
    });
  }
  // The last columns, a vector at a time; the inputs' padding makes the loads safe, and a small
  // copy keeps the stores inside the row.
  for (; column < layer.fan_in; column += width) {
    const Index used = std::min(width, layer.fan_in - column);
    for_each_tile(first, last, [&](auto rows, Index row) {
      Packet<Scalar> acc[rows][1];
      alignas(kAlignment) Scalar part[rows][width] = {};
      for (int r = 0; r < rows; ++r) {
        if (accumulate) std::copy_n(at(row + r, column), used, part[r]);
        acc[r][0] = load(part[r]);
      }
      detail::gradient_tile(from, row, column, acc);
      for (int r = 0; r < rows; ++r) {
        pstore(part[r], acc[r][0]);
        std::copy_n(part[r], used, at(row + r, column));
      }
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
