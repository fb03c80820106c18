// A dense layer for one sample: outputs in the lanes, since there is no batch to fill them.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "gather.hpp"
#include "layout.hpp"
#include "simd.hpp"
#include "tile.hpp"

namespace eigenmlp {

namespace detail {

// Vectors of outputs that pass together, so that the chain of one hides the latency of the others.
inline constexpr int kRowVectors = 4;

// output (kVectors vectors) from rows of `rows` outputs' weights, row r at weights + r · fan_in.
// Each output is summed as in a panel, in the order of k, and so has the same bits.
template <bool kRelu, int kVectors, typename Scalar>
EIGEN_DONT_INLINE void row_tile(Index fan_in, Index rows, const Scalar* weights,
                                const Scalar* biases, const Scalar* input, Scalar* output) {
  constexpr Index width = kWidth<Scalar>;
  // So many rows at once are more than the processor follows by itself.
  constexpr Index kAhead = 4 * kAlignment / sizeof(Scalar);
  // The lanes beyond the last output repeat it.
  const Scalar* row[kVectors * width];
  alignas(kAlignment) Scalar start[kVectors * width];
  for (Index r = 0; r < kVectors * width; ++r) {
    row[r] = weights + std::min(r, rows - 1) * fan_in;
    start[r] = biases[std::min(r, rows - 1)];
  }
  Packet<Scalar> acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = load(start + v * width);
  Index k = 0;
  for (; k + width <= fan_in; k += width) {
    for (int v = 0; v < kVectors; ++v) {
      Block<Scalar> block;
      for (Index i = 0; i < width; ++i) __builtin_prefetch(row[v * width + i] + k + kAhead);
      for (Index i = 0; i < width; ++i) block.packet[i] = load_unaligned(row[v * width + i] + k);
      transpose(block);
      for (Index j = 0; j < width; ++j) {
        acc[v] = pmadd(broadcast(input[k + j]), block.packet[j], acc[v]);
      }
    }
  }
  for (; k < fan_in; ++k) {
    alignas(kAlignment) Scalar column[kVectors * width];
    for (Index r = 0; r < kVectors * width; ++r) column[r] = row[r][k];
    for (int v = 0; v < kVectors; ++v) {
      acc[v] = pmadd(broadcast(input[k]), load(column + v * width), acc[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kRelu) acc[v] = pmax(acc[v], broadcast(Scalar(0)));
    pstore(output + v * width, acc[v]);
  }
}

}  // namespace detail

// output (fan_out, in whole vectors) = W · input (fan_in) + b, through a ReLU if kRelu; part `part`
// of `parts` of it.
template <bool kRelu, typename Scalar>
void row_forward(const Layer& layer, const Scalar* parameters, int part, int parts,
                 const Scalar* input, Scalar* output) {
  constexpr Index width = kWidth<Scalar>;
  const Share share = share_of(divide_up(layer.fan_out, width), part, parts);
  if (share.begin == share.end) return;
  const Tiling tiles(share.end - share.begin, detail::kRowVectors);
  for (Index tile = 0; tile < tiles.count(); ++tile) {
    const Index first = (share.begin + tiles.first(tile)) * width;
    with_constant<detail::kRowVectors>(tiles.size(tile), [&](auto vectors) {
      detail::row_tile<kRelu, vectors>(layer.fan_in,
                                       std::min(vectors * width, layer.fan_out - first),
                                       parameters + layer.weights + first * layer.fan_in,
                                       parameters + layer.biases + first, input, output + first);
    });
  }
}

}  // namespace eigenmlp
