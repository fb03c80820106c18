// From a data set's samples to panels: gather, convert, scale and transpose in one pass; and the
// transpositions between feature-by-feature and sample-by-sample memory.
#pragma once

#include <algorithm>

#include "kernels/simd.hpp"
#include "shapes/buffer.hpp"
#include "shapes/loss.hpp"

namespace eigenmlp {

// Samples order[0 … count) of a data set; without an order, samples first, first + 1, ….
struct Selection {
  const Table* table;
  const Samples* samples;  // the whole data set; null where only predictions are wanted
  const Index* order;
  Index first;
  Index count;

  // Where sample i of the selection lies in the data set.
  Index index(Index i) const { return order ? order[first + i] : first + i; }
};

// A layer's inputs as its weight gradient reads them: columns (features) cut into blocks as wide as
// a gradient tile, each block sample by sample, so that a tile reads one stream of memory.
// Element (sample, first column of block b + j) is data[samples · first(b) · width + sample ·
// size(b) · width + j], where the tiling counts vectors.
template <typename Scalar>
struct ColumnBlocks {
  Scalar* data;
  Index samples;  // that there is room for
  Tiling tiling;

  Scalar* at(Index block, Index sample) const {
    return data + (samples * tiling.first(block) + sample * tiling.size(block)) * kWidth<Scalar>;
  }
};

// Calls body with a table's elements by their type.
template <typename Body>
EIGEN_STRONG_INLINE void with_elements(const Table& table, Body&& body) {
  switch (table.type) {
    case ElementType::kUint8:
      return body(static_cast<const std::uint8_t*>(table.data));
    case ElementType::kFloat32:
      return body(static_cast<const float*>(table.data));
    case ElementType::kFloat64:
      return body(static_cast<const double*>(table.data));
  }
}

// out (features) = the sample, converted and times scale.
template <typename Scalar>
void convert_sample(const Table& table, Index sample, double input_scale, Scalar* out) {
  const auto scale = static_cast<Scalar>(input_scale);
  with_elements(table, [&](const auto* data) {
    const auto* from = data + sample * table.stride;
    for (Index j = 0; j < table.features; ++j) out[j] = static_cast<Scalar>(from[j]) * scale;
  });
}

// Brings `width` samples of a selection, from `first` on, to the lanes of a panel (features ×
// kLanes) that begin at panel[0], and to the column blocks, if any, of samples from `at` on.
// Lanes beyond the selection repeat its last sample: they stay finite whenever the samples do.
template <typename Scalar>
void gather(const Selection& selection, Index first, double input_scale, Scalar* panel,
            const ColumnBlocks<Scalar>* blocks, Index at) {
  constexpr Index width = kWidth<Scalar>;
  // Elements converted in one go: enough for the compiler's vectors, whatever their type.
  constexpr Index kRun = 64;
  alignas(kAlignment) Scalar runs[width][kRun];
  const auto scale = static_cast<Scalar>(input_scale);
  const Index features = selection.table->features;
  Index block = 0;
  Index vector = 0;  // of the block
  with_elements(*selection.table, [&]<typename Element>(const Element* data) {
    const Element* inputs[width];
    for (Index i = 0; i < width; ++i) {
      const Index sample = std::min(first + i, selection.count - 1);
      inputs[i] = data + selection.index(sample) * selection.table->stride;
    }
    for (Index begin = 0; begin < features; begin += kRun) {
      const Index count = std::min(kRun, features - begin);
      if (count < kRun) std::fill_n(runs[0], width * kRun, Scalar(0));
      for (Index i = 0; i < width; ++i) {
        const Element* from = inputs[i] + begin;
        for (Index j = 0; j < count; ++j) runs[i][j] = static_cast<Scalar>(from[j]) * scale;
      }
      for (Index feature = 0; feature < count; feature += width) {
        Block<Scalar> samples;
        for (Index i = 0; i < width; ++i) samples.packet[i] = load(runs[i] + feature);
        if (blocks) {
          const Index stride = blocks->tiling.size(block) * width;
          Scalar* to = blocks->at(block, at) + vector * width;
          for (Index i = 0; i < width; ++i) pstore(to + i * stride, samples.packet[i]);
          if (++vector == blocks->tiling.size(block)) {
            vector = 0;
            ++block;
          }
        }
        transpose(samples);
        Scalar* to = panel + (begin + feature) * kLanes<Scalar>;
        for (Index j = 0; j < width; ++j) pstore(to + j * kLanes<Scalar>, samples.packet[j]);
      }
    }
  });
}

// to[j · to_stride + i] = from[i · from_stride + j] for a width × width block.
template <typename Scalar>
EIGEN_STRONG_INLINE void transpose_block(const Scalar* from, Index from_stride, Scalar* to,
                                         Index to_stride) {
  Block<Scalar> block;
  for (Index i = 0; i < kWidth<Scalar>; ++i) block.packet[i] = load(from + i * from_stride);
  transpose(block);
  for (Index i = 0; i < kWidth<Scalar>; ++i) pstore(to + i * to_stride, block.packet[i]);
}

// to (columns × rows) = from (rows × columns) transposed, for a share of the rows and of the
// columns.
template <typename Scalar>
void transpose_matrix(Index rows, Index columns, Share of_rows, Share of_columns,
                      const Scalar* from, Scalar* to) {
  constexpr Index width = kWidth<Scalar>;
  // Columns at a time: long enough runs of each row, whose columns stay in the second-level cache.
  constexpr Index kRun = 128;
  for (Index begin = of_columns.begin; begin < of_columns.end; begin += kRun) {
    const Index end = std::min(begin + kRun, of_columns.end);
    for (Index row = of_rows.begin; row < of_rows.end; row += width) {
      Index column = begin;
      if (row + width <= of_rows.end) {
        for (; column + width <= end; column += width) {
          Block<Scalar> block;
          for (Index i = 0; i < width; ++i) {
            block.packet[i] = load_unaligned(from + (row + i) * columns + column);
          }
          transpose(block);
          for (Index i = 0; i < width; ++i) {
            pstoreu(to + (column + i) * rows + row, block.packet[i]);
          }
        }
      }
      for (; column < end; ++column) {
        for (Index i = row; i < std::min(row + width, of_rows.end); ++i) {
          to[column * rows + i] = from[i * columns + column];
        }
      }
    }
  }
}

// One block of columns of a panel (features × lanes) to the column blocks, its samples from `at`
// on.
template <typename Scalar>
void panel_to_blocks(const Scalar* panel, const ColumnBlocks<Scalar>& blocks, Index block,
                     Index at) {
  constexpr Index width = kWidth<Scalar>;
  const Index stride = blocks.tiling.size(block) * width;
  for (Index v = 0; v < blocks.tiling.size(block); ++v) {
    const Scalar* from = panel + (blocks.tiling.first(block) + v) * width * kLanes<Scalar>;
    for (Index lane = 0; lane < kLanes<Scalar>; lane += width) {
      transpose_block(from + lane, kLanes<Scalar>, blocks.at(block, at + lane) + v * width, stride);
    }
  }
}

// The first `count` lanes of a panel (features × lanes, with room for whole vectors of features) as
// samples of `features` values each.
template <typename Scalar>
void panel_to_samples(const Scalar* panel, Index features, Index count, Scalar* samples) {
  constexpr Index width = kWidth<Scalar>;
  alignas(kAlignment) Scalar block[width * width];
  for (Index lane = 0; lane < count; lane += width) {
    for (Index feature = 0; feature < features; feature += width) {
      transpose_block(panel + feature * kLanes<Scalar> + lane, kLanes<Scalar>, block, width);
      const Index used = std::min(width, features - feature);
      for (Index i = 0; i < std::min(width, count - lane); ++i) {
        std::copy_n(block + i * width, used, samples + (lane + i) * features + feature);
      }
    }
  }
}

}  // namespace eigenmlp
