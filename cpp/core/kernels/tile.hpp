// The inner loop of forward and backward, and how layers are cut for it.
#pragma once

#include <algorithm>
#include <utility>

#include "kernels/simd.hpp"

namespace eigenmlp {

// acc[r][p][v] += Σ_k a[r·a_row + k·a_step] · b[p·b_panel + k·kLanes + v·width], in the order of k.
// Each element is one chain of fused multiply-adds, whatever the tile's shape: its bits do not
// depend on where a tile begins or on how many threads share the work.
// fetch(a + k·a_step) may ask for memory that is wanted later.
template <typename Scalar, int kRows, int kPanels, typename Fetch>
EIGEN_STRONG_INLINE void multiply_accumulate(Index depth, const Scalar* a, Index a_row,
                                             Index a_step, const Scalar* b, Index b_panel,
                                             Packet<Scalar> (&acc)[kRows][kPanels][kPanelVectors],
                                             Fetch&& fetch) {
  for (Index k = 0; k < depth; ++k) {
    fetch(a + k * a_step);
    Packet<Scalar> row[kPanels][kPanelVectors];
    for (int p = 0; p < kPanels; ++p) {
      for (int v = 0; v < kPanelVectors; ++v) {
        row[p][v] = load(b + p * b_panel + k * kLanes<Scalar> + v * kWidth<Scalar>);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const Packet<Scalar> factor = broadcast(a[r * a_row + k * a_step]);
      for (int p = 0; p < kPanels; ++p) {
        for (int v = 0; v < kPanelVectors; ++v) {
          acc[r][p][v] = pmadd(factor, row[p][v], acc[r][p][v]);
        }
      }
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

// Calls body(std::integral_constant<int, rows>, std::integral_constant<int, panels>, tile, panel)
// for the tiles of the region: `rows` rows from tiles.first(tile) on, by `panels` panels from
// `panel` on.
template <typename Body>
EIGEN_STRONG_INLINE void for_each_tile(const Tiling& tiles, const Region& region, Body&& body) {
  const Share share = share_of(tiles.count() * region.n_panels, region.part, region.parts);
  for (Index job = share.begin; job < share.end;) {
    const Index tile = job / region.n_panels;
    const Index panel = job % region.n_panels;
    const Index together = std::min({Index{kTilePanels}, region.n_panels - panel, share.end - job});
    with_constant<kTileRows>(tiles.size(tile), [&](auto rows) {
      with_constant<kTilePanels>(
          together, [&](auto panels) { body(rows, panels, tile, region.first_panel + panel); });
    });
    job += together;
  }
}

}  // namespace eigenmlp
