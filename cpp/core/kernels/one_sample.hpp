// A dense layer for one sample: outputs in the lanes, since there is no batch to fill them.
#pragma once

#include <algorithm>

#include "kernels/simd.hpp"
#include "kernels/tile.hpp"
#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"

namespace eigenmlp {

// Vectors of outputs that pass together, so that the chain of one hides the latency of the others.
inline constexpr int kOneSampleVectors = 4;

// A layer's outputs in tiles of up to kOneSampleVectors vectors. A tile's weights lie at fan_in ·
// width · first(tile) of the layer's, input by input: fan_in × size(tile) vectors.
template <typename Scalar>
Tiling one_sample_tiles(const Layer& layer) {
  return Tiling(divide_up(layer.fan_out, kWidth<Scalar>), kOneSampleVectors);
}

// What a layer's weights take, in whole vectors of outputs: the lanes beyond the last repeat it.
template <typename Scalar>
Index one_sample_weights_size(const Layer& layer) {
  return layer.fan_in * round_up(layer.fan_out, kWidth<Scalar>);
}

namespace detail {

// output (kVectors vectors) from their weights (fan_in × kVectors vectors).
// Each output is summed as in a panel, in the order of k, and so has the same bits.
template <bool kRelu, int kVectors, typename Scalar>
EIGEN_DONT_INLINE void one_sample_tile(Index fan_in, const Scalar* weights, const Scalar* biases,
                                       const Scalar* input, Scalar* output) {
  constexpr Index width = kWidth<Scalar>;
  Packet<Scalar> acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = load(biases + v * width);
  for (Index k = 0; k < fan_in; ++k, weights += kVectors * width) {
    const Packet<Scalar> factor = broadcast(input[k]);
    for (int v = 0; v < kVectors; ++v) acc[v] = pmadd(factor, load(weights + v * width), acc[v]);
  }
  for (int v = 0; v < kVectors; ++v) {
    if constexpr (kRelu) acc[v] = pmax(acc[v], broadcast(Scalar(0)));
    pstore(output + v * width, acc[v]);
  }
}

}  // namespace detail

// output (fan_out, in whole vectors) = W · input (fan_in) + b, through a ReLU if kRelu; part `part`
// of `parts` of it. weights: the layer's, in tiles as above; biases: fan_out.
template <bool kRelu, typename Scalar>
void one_sample_forward(const Layer& layer, const Scalar* weights, const Scalar* biases, int part,
                        int parts, const Scalar* input, Scalar* output) {
  constexpr Index width = kWidth<Scalar>;
  const Tiling tiles = one_sample_tiles<Scalar>(layer);
  const Share share = share_of(tiles.count(), part, parts);
  for (Index tile = share.begin; tile < share.end; ++tile) {
    const Index first = tiles.first(tile) * width;
    with_constant<kOneSampleVectors>(tiles.size(tile), [&](auto vectors) {
      alignas(kAlignment) Scalar start[vectors * width] = {};
      std::copy_n(biases + first, std::min(vectors * width, layer.fan_out - first), start);
      detail::one_sample_tile<kRelu, vectors>(layer.fan_in, weights + first * layer.fan_in,
                                              static_cast<const Scalar*>(start), input,
                                              output + first);
    });
  }
}

}  // namespace eigenmlp
