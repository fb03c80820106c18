// The one inner loop behind forward, backward and weight gradient.
#pragma once

#include <utility>

#include "simd.hpp"

namespace eigenmlp {

// acc[r][v] += Σ_k a[r·a_row + k·a_step] · b[k·b_step + v·width], in the order of k.
// Each element is one chain of fused multiply-adds, whatever the tile's shape: its bits do not
// depend on where a tile begins or on how many threads share the rows.
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

// Covers rows [begin, end) with tiles of kTileRows and one last smaller tile:
// body(std::integral_constant<int, rows>, first_row).
template <typename Body>
EIGEN_STRONG_INLINE void for_each_tile(Index begin, Index end, Body&& body) {
  Index row = begin;
  for (; row + kTileRows <= end; row += kTileRows) {
    body(std::integral_constant<int, kTileRows>{}, row);
  }
  [&]<int... kRest>(std::integer_sequence<int, kRest...>) {
    const Index rest = end - row;
    ((rest == kRest + 1 ? body(std::integral_constant<int, kRest + 1>{}, row) : void()), ...);
  }(std::make_integer_sequence<int, kTileRows - 1>{});
}

}  // namespace eigenmlp
