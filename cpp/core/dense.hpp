// A dense layer's forward and backward pass. A panel holds kLanes samples, feature by feature:
// element (feature, lane) is panel[feature · kLanes + lane].
#pragma once

#include "buffer.hpp"
#include "layout.hpp"
#include "simd.hpp"
#include "tile.hpp"

namespace eigenmlp {

// The panels of a chunk, `stride` scalars apart.
template <typename Scalar>
struct Panels {
  Scalar* data;
  Index stride;

  Scalar* at(Index panel) const { return data + panel * stride; }
};

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

// packed: fan_out × kTileRows, of which kRows are used.
template <int kRows, typename Scalar>
EIGEN_DONT_INLINE void backward_tile(Index fan_out, const Scalar* packed, const Scalar* delta,
                                     Scalar* below) {
  const Packet<Scalar> zero = broadcast(Scalar(0));
  Packet<Scalar> acc[kRows][kPanelVectors];
  for (auto& row : acc) {
    for (auto& vector : row) vector = zero;
  }
  multiply_accumulate<Scalar>(fan_out, packed, 1, kTileRows, delta, kLanes<Scalar>, acc);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kPanelVectors; ++v) {
      Scalar* at = below + r * kLanes<Scalar> + v * kWidth<Scalar>;
      pstore(at, pselect(pcmp_lt(zero, load(at)), acc[r][v], zero));
    }
  }
}

// Columns [column, column + kRows) of the weights, side by side.
template <int kRows, typename Scalar>
EIGEN_DONT_INLINE void pack_columns(const Layer& layer, const Scalar* weights, Index column,
                                    Scalar* packed) {
  // The columns of the tiles after this one, by the time they are wanted.
  constexpr Index kAhead = kAlignment / sizeof(Scalar);
  for (Index k = 0; k < layer.fan_out; ++k) {
    const Scalar* from = weights + k * layer.fan_in + column;
    __builtin_prefetch(from + kAhead);
    for (int r = 0; r < kRows; ++r) packed[k * kTileRows + r] = from[r];
  }
}

}  // namespace detail

// output (fan_out × lanes) = W · input (fan_in × lanes) + b, through a ReLU if kRelu.
template <bool kRelu, typename Scalar>
void dense_forward(const Layer& layer, const Scalar* parameters, const Region& region,
                   Panels<Scalar> input, Panels<Scalar> output) {
  const Scalar* weights = parameters + layer.weights;
  const Scalar* biases = parameters + layer.biases;
  for_each_tile(layer.fan_out, region, [&](auto rows, Index row, Index panel) {
    detail::forward_tile<kRelu, rows>(layer.fan_in, weights + row * layer.fan_in, biases + row,
                                      static_cast<const Scalar*>(input.at(panel)),
                                      output.at(panel) + row * kLanes<Scalar>);
  });
}

// Room for the columns of a tile, as dense_backward's `packed`.
inline Index packed_columns(Index widest) { return kTileRows * widest; }

// below (fan_in × lanes): on entry the ReLU activations a of the layer below, on return its
// δ_below = (Wᵀ δ) ⊙ [a > 0]. delta: fan_out × lanes.
// Weights lie row by row, so a tile of columns is first copied together: reading them in place, for
// each panel anew, costs 40 % of the speed.
template <typename Scalar>
void dense_backward(const Layer& layer, const Scalar* parameters, const Region& region,
                    Panels<Scalar> delta, Panels<Scalar> below, Scalar* packed) {
  Index packed_row = -1;
  for_each_tile(layer.fan_in, region, [&](auto rows, Index row, Index panel) {
    if (row != packed_row) {
      detail::pack_columns<rows>(layer, parameters + layer.weights, row, packed);
      packed_row = row;
    }
    detail::backward_tile<rows>(layer.fan_out, static_cast<const Scalar*>(packed),
                                static_cast<const Scalar*>(delta.at(panel)),
                                below.at(panel) + row * kLanes<Scalar>);
  });
}

}  // namespace eigenmlp
