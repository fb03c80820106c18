// The gradient of a dense layer's weights and biases, a tile at a time, handed to whoever uses it
// while it is in the first-level cache.
#pragma once

#include <algorithm>

#include "kernels/dense.hpp"
#include "kernels/gather.hpp"

namespace eigenmlp {

// The δ of a layer and the activations below it, for all panels of a chunk of a batch.
template <typename Scalar>
struct GradientSources {
  Panels<Scalar> delta;
  ColumnBlocks<Scalar> inputs;
  Index n_samples;
};

namespace detail {

// gradient: kRows × (kVectors vectors), `stride` apart; added to if `resume`.
template <int kRows, int kVectors, typename Scalar>
EIGEN_DONT_INLINE void gradient_tile(Index n_samples, const Scalar* delta, Index delta_stride,
                                     const Scalar* inputs, bool resume, Scalar* gradient,
                                     Index stride) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  // Eight samples: the inputs come from the second-level cache.
  constexpr Index kAhead = 8 * kVectors * width;
  Packet<Scalar> acc[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      acc[r][v] = resume ? load(gradient + r * stride + v * width) : broadcast(Scalar(0));
    }
  }
  const auto add = [&](Index count) {
    for (Index k = 0; k < count; ++k) {
      Packet<Scalar> row[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        row[v] = load(inputs + v * width);
        __builtin_prefetch(inputs + v * width + kAhead);
      }
      for (int r = 0; r < kRows; ++r) {
        const Packet<Scalar> factor = broadcast(delta[r * lanes + k]);
        for (int v = 0; v < kVectors; ++v) acc[r][v] = pmadd(factor, row[v], acc[r][v]);
      }
      inputs += kVectors * width;
    }
    delta += delta_stride;
  };
  // Whole panels in a loop of constant length, then the samples of the last.
  for (; n_samples >= lanes; n_samples -= lanes) add(lanes);
  if (n_samples > 0) add(n_samples);
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) pstore(gradient + r * stride + v * width, acc[r][v]);
  }
}

}  // namespace detail

// Tiles of a layer's weight gradient: as many as there are tiles of rows times blocks of columns.
template <typename Scalar>
Index gradient_tiles(const Layer& layer, const GradientSources<Scalar>& from) {
  return Tiling(layer.fan_out, kTileRows).count() * from.inputs.tiling.count();
}

// Room for the gradient of a tile of rows, as weight_gradient's `piece`.
template <typename Scalar>
Index gradient_piece(Index widest) {
  return kTileRows * round_up(widest, kWidth<Scalar>);
}

// What the gradient of a layer takes where batches pass in several chunks: rows of weights as in a
// piece, then biases.
template <typename Scalar>
Index gradient_sums(const Layer& layer) {
  return layer.fan_out * round_up(layer.fan_in, kWidth<Scalar>) +
         round_up(layer.fan_out, kWidth<Scalar>);
}

// Tiles [tiles.begin, tiles.end) of dW = Σ_samples δ aᵀ, row by row, summed in the order of the
// samples; and db = Σ_samples δ of the rows whose first tile is among them.
// sums (gradient_sums(layer) values, or null): the gradient over earlier chunks and this one;
// `resume` says whether it holds any. consume(offset, count, gradient, is_weight) takes values that
// are `finished`, `offset` in the layout of the parameters. piece: gradient_piece(widest) values,
// used without sums.
template <typename Scalar, typename Consume>
void weight_gradient(const Layer& layer, const GradientSources<Scalar>& from, Share tiles,
                     Scalar* sums, bool resume, bool finished, Scalar* piece, Consume&& consume) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  const Tiling rows_of(layer.fan_out, kTileRows);
  const Tiling& columns_of = from.inputs.tiling;
  const Index stride = round_up(layer.fan_in, width);
  const Index n_blocks = columns_of.count();
  while (tiles.begin < tiles.end) {
    const Index tile = tiles.begin / n_blocks;
    const Index first = tiles.begin % n_blocks;
    const Index last = std::min(n_blocks, first + tiles.end - tiles.begin);
    tiles.begin += last - first;
    const Index row = rows_of.first(tile);
    const Scalar* delta = from.delta.data + row * lanes;
    Scalar* const weights = sums ? sums + row * stride : piece;
    with_constant<kTileRows>(rows_of.size(tile), [&](auto rows) {
      for (Index block = first; block < last; ++block) {
        with_constant<kGradientVectors>(columns_of.size(block), [&](auto vectors) {
          detail::gradient_tile<rows, vectors>(from.n_samples, delta, from.delta.stride,
                                               static_cast<const Scalar*>(from.inputs.at(block, 0)),
                                               resume, weights + columns_of.first(block) * width,
                                               stride);
        });
      }
      if (finished) {
        const Index begin = columns_of.first(first) * width;
        const Index end = last == n_blocks ? layer.fan_in : columns_of.first(last) * width;
        for (Index r = 0; r < rows; ++r) {
          consume(layer.weights + (row + r) * layer.fan_in + begin, end - begin,
                  weights + r * stride + begin, true);
        }
      }
      if (first > 0) return;

      // Several rows at once hide the latency of the additions.
      Scalar biases[rows] = {};
      Scalar* const sum = sums ? sums + layer.fan_out * stride + row : biases;
      if (resume) std::copy_n(sum, Index{rows}, biases);
      for (Index sample = 0; sample < from.n_samples; ++sample) {
        const Scalar* values = delta + sample / lanes * from.delta.stride + sample % lanes;
        for (int r = 0; r < rows; ++r) biases[r] += values[r * lanes];
      }
      if (finished) {
        consume(layer.biases + row, Index{rows}, biases, false);
      } else {
        std::copy_n(biases, Index{rows}, sum);
      }
    });
  }
}

}  // namespace eigenmlp
