// A dense layer's forward and backward pass. A panel holds kLanes samples, feature by feature:
// element (feature, lane) is panel[feature · kLanes + lane].
#pragma once

#include <cstring>

#include "kernels/simd.hpp"
#include "kernels/tile.hpp"
#include "shapes/layout.hpp"

namespace eigenmlp {

// The panels of a chunk, `stride` scalars apart.
template <typename Scalar>
struct Panels {
  Scalar* data;
  Index stride;

  Scalar* at(Index panel) const { return data + panel * stride; }
};

// What the δ of a hidden layer takes from its activation: nothing, whether the activation is
// positive, or the slope that its forward pass left.
enum class Gate { kOpen, kPositive, kSlope };

namespace detail {

// The tiles are functions of their own, never inlined: in one large function the compiler runs out
// of registers for addresses, which costs a fifth of the speed.

template <bool kRelu, int kRows, int kPanels, typename Scalar>
EIGEN_DONT_INLINE void forward_tile(Index fan_in, const Scalar* weights, const Scalar* biases,
                                    Panels<const Scalar> input, Panels<Scalar> output) {
  Packet<Scalar> acc[kRows][kPanels][kPanelVectors];
  for (int r = 0; r < kRows; ++r) {
    for (auto& panel : acc[r]) {
      for (auto& vector : panel) vector = broadcast(biases[r]);
    }
  }
  multiply_accumulate<Scalar>(fan_in, weights, fan_in, 1, input.data, input.stride, acc,
                              [](const Scalar*) {});
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      for (int v = 0; v < kPanelVectors; ++v) {
        Packet<Scalar> sum = acc[r][p][v];
        if constexpr (kRelu) sum = pmax(sum, broadcast(Scalar(0)));
        pstore(output.at(p) + r * kLanes<Scalar> + v * kWidth<Scalar>, sum);
      }
    }
  }
}

// Rows of weights lie so far apart that no processor fetches the next one in advance; it would wait
// as long as it computes. So a walk down columns prefetches the row this many rows ahead, there the
// last of its columns: the first ones came with the columns of the tile before.
inline constexpr Index kRowsAhead = 8;

// weights: the first of kRows columns, a row every `step`.
template <Gate kGate, int kRows, int kPanels, typename Scalar>
EIGEN_DONT_INLINE void backward_tile(Index fan_out, const Scalar* weights, Index step,
                                     Panels<const Scalar> delta, Panels<const Scalar> gate,
                                     Panels<Scalar> below) {
  const Packet<Scalar> zero = broadcast(Scalar(0));
  Packet<Scalar> acc[kRows][kPanels][kPanelVectors];
  for (auto& row : acc) {
    for (auto& panel : row) {
      for (auto& vector : panel) vector = zero;
    }
  }
  const Index soon = kRowsAhead * step + kRows - 1;
  multiply_accumulate<Scalar>(fan_out, weights, 1, step, delta.data, delta.stride, acc,
                              [=](const Scalar* row) { __builtin_prefetch(row + soon); });
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      for (int v = 0; v < kPanelVectors; ++v) {
        const Index at = r * kLanes<Scalar> + v * kWidth<Scalar>;
        Packet<Scalar> sum = acc[r][p][v];
        if constexpr (kGate == Gate::kPositive) {
          sum = pselect(pcmp_lt(zero, load(gate.at(p) + at)), sum, zero);
        } else if constexpr (kGate == Gate::kSlope) {
          sum = pmul(sum, load(gate.at(p) + at));
        }
        pstore(below.at(p) + at, sum);
      }
    }
  }
}

// packed (fan_out × kRows) = kRows columns of weights, a row every `step`.
template <int kRows, typename Scalar>
EIGEN_DONT_INLINE void pack_columns(Index fan_out, const Scalar* weights, Index step,
                                    Scalar* packed) {
  for (Index k = 0; k < fan_out; ++k, weights += step, packed += kRows) {
    __builtin_prefetch(weights + kRowsAhead * step + kRows - 1);
    std::memcpy(packed, weights, kRows * sizeof(Scalar));
  }
}

}  // namespace detail

// output (fan_out × lanes) = W · input (fan_in × lanes) + b, through a ReLU if kRelu.
// finish(unit, n_units, panel, n_panels) is called for each tile while it is in the first-level
// cache.
template <bool kRelu, typename Scalar, typename Finish>
void dense_forward(const Layer& layer, const Scalar* parameters, const Region& region,
                   Panels<Scalar> input, Panels<Scalar> output, Finish&& finish) {
  const Scalar* weights = parameters + layer.weights;
  const Scalar* biases = parameters + layer.biases;
  const Tiling tiles(layer.fan_out, kTileRows);
  for_each_tile(tiles, region, [&](auto rows, auto panels, Index tile, Index panel) {
    const Index unit = tiles.first(tile);
    detail::forward_tile<kRelu, rows, panels>(
        layer.fan_in, weights + unit * layer.fan_in, biases + unit,
        Panels<const Scalar>{input.at(panel), input.stride},
        Panels<Scalar>{output.at(panel) + unit * kLanes<Scalar>, output.stride});
    finish(unit, Index{rows}, panel, Index{panels});
  });
}

// below (fan_in × lanes) = (Wᵀ δ) ⊙ slope of the layer below's activation, which `gate` (fan_in ×
// lanes) tells as kGate says; gate and below may be the same memory. delta: fan_out × lanes.
// packed: kTileRows · fan_out values.
// A tile that takes one or two passes over the panels reads its columns where they lie. For more of
// them the columns are first copied together: rows a power of two apart push each other out of the
// cache from pass to pass.
template <Gate kGate, typename Scalar>
void dense_backward(const Layer& layer, const Scalar* parameters, const Region& region,
                    Panels<Scalar> delta, Panels<Scalar> gate, Panels<Scalar> below,
                    Scalar* packed) {
  const Tiling tiles(layer.fan_in, kTileRows);
  const bool pack = region.n_panels > 2 * kTilePanels;
  Index packed_tile = -1;
  for_each_tile(tiles, region, [&](auto rows, auto panels, Index tile, Index panel) {
    const Index column = tiles.first(tile);
    const Scalar* weights = parameters + layer.weights + column;
    if (pack && tile != packed_tile) {
      detail::pack_columns<rows>(layer.fan_out, weights, layer.fan_in, packed);
      packed_tile = tile;
    }
    detail::backward_tile<kGate, rows, panels>(
        layer.fan_out, pack ? static_cast<const Scalar*>(packed) : weights,
        pack ? Index{rows} : layer.fan_in, Panels<const Scalar>{delta.at(panel), delta.stride},
        Panels<const Scalar>{gate.at(panel) + column * kLanes<Scalar>, gate.stride},
        Panels<Scalar>{below.at(panel) + column * kLanes<Scalar>, below.stride});
  });
}

}  // namespace eigenmlp
