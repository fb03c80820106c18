// The one inner loop behind forward, backward and weight gradient, and how layers are cut for it.
#pragma once

#include <utility>

#include "simd.hpp"

namespace eigenmlp {

// acc[r][v] += Σ_k a[r·a_row + k·a_step] · b[k·b_step + v·width], in the order of k.
// Each element is one chain of fused multiply-adds, whatever the tile's shape: its bits do not
// depend on where a tile begins or on how many threads share the work.
template <typename Scalar, int kRows, int kVectors>
EIGEN_STRONG_INLINE void multiply_accumulate(Index depth, const Scalar* a, Index a_row,
                                             Index a_step, const Scalar* b, Index b_step,
                                             Packet<Scalar> (&acc)[kRows][kVectors]) {
  for (Index k = 0; k < depth; ++k) {
    Packet<Scalar> row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + k * b_step + v * kWidth<Scalar>);
    for (int r = 0; r < kRows; ++r) {
      const Packet<Scalar> factor = broadcast(a[r * a_row + k * a_step]);
      for (int v = 0; v < kVectors; ++v) acc[r][v] = pmadd(factor, row[v], acc[r][v]);
    }
  }
}

// Calls body(std::integral_constant<int, size>) for a size of 1 … kMost.
template <int kMost, typename Body>
EIGEN_STRONG_INLINE void with_constant(Index size, Body&& body) {
  [&]<int... kBefore>(std::integer_sequence<int, kBefore...>) {
    ((size == kBefore + 1 ? body(std::integral_constant<int, kBefore + 1>{}) : void()), ...);
  }(std::make_integer_sequence<int, kMost>{});
}

// What one thread does of a layer's pass over the panels of a chunk: part `part` of `parts` of
// (tiles × panels [first_panel, first_panel + n_panels)), the panels innermost, so that a tile's
// weights stay in the first-level cache.
struct Region {
  Index first_panel;
  Index n_panels;
  int part = 0;
  int parts = 1;
};

// Calls body(std::integral_constant<int, rows>, first_row, panel) for the tiles of n_rows rows.
template <typename Body>
EIGEN_STRONG_INLINE void for_each_tile(Index n_rows, const Region& region, Body&& body) {
  const Tiling tiles(n_rows, kTileRows);
  const Share share = share_of(tiles.count() * region.n_panels, region.part, region.parts);
  for (Index job = share.begin; job < share.end; ++job) {
    const Index tile = job / region.n_panels;
    with_constant<kTileRows>(tiles.size(tile), [&](auto rows) {
      body(rows, tiles.first(tile), region.first_panel + job % region.n_panels);
    });
  }
}

}  // namespace eigenmlp
