// From a data set's rows to a panel: gather, convert and scale, and the transpositions between
// sample-by-sample and feature-by-feature memory.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "simd.hpp"

namespace eigenmlp {

// Writes row `row` of the data set, converted and times scale, to out[0 … features).
template <typename Scalar>
void convert_row(const Rows& rows, Index row, Scalar scale, Scalar* out) {
  const auto convert = [&]<typename Element>(const Element* data) {
    const Element* from = data + row * rows.stride;
    for (Index j = 0; j < rows.features; ++j) out[j] = static_cast<Scalar>(from[j]) * scale;
  };
  switch (rows.type) {
    case ElementType::kUint8:
      return convert(static_cast<const std::uint8_t*>(rows.data));
    case ElementType::kFloat32:
      return convert(static_cast<const float*>(rows.data));
    case ElementType::kFloat64:
      return convert(static_cast<const double*>(rows.data));
  }
}

// Transposes one width × width block: to[j · to_stride + i] = from[i · from_stride + j].
template <typename Scalar>
EIGEN_STRONG_INLINE void transpose_block(const Scalar* from, Index from_stride, Scalar* to,
                                         Index to_stride) {
  constexpr Index width = kWidth<Scalar>;
  Eigen::internal::PacketBlock<Packet<Scalar>, width> block;
  for (Index i = 0; i < width; ++i) block.packet[i] = load(from + i * from_stride);
  Eigen::internal::ptranspose(block);
  for (Index i = 0; i < width; ++i) pstore(to + i * to_stride, block.packet[i]);
}

// samples (lanes × stride, stride a multiple of the width) -> panel (features × lanes); the panel
// has room for `stride` features.
template <typename Scalar>
void samples_to_panel(const Scalar* samples, Index stride, Scalar* panel) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  for (Index feature = 0; feature < stride; feature += width) {
    for (Index lane = 0; lane < lanes; lane += width) {
      transpose_block(samples + lane * stride + feature, stride, panel + feature * lanes + lane,
                      lanes);
    }
  }
}

// The inverse of samples_to_panel.
template <typename Scalar>
void panel_to_samples(const Scalar* panel, Index stride, Scalar* samples) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  for (Index feature = 0; feature < stride; feature += width) {
    for (Index lane = 0; lane < lanes; lane += width) {
      transpose_block(panel + feature * lanes + lane, lanes, samples + lane * stride + feature,
                      stride);
    }
  }
}

}  // namespace eigenmlp
