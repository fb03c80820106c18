// A dense layer whose inputs are sparse: products walk the stored numbers alone, outputs in the
// lanes. A product with zero changes no sum, so the results are those of all numbers: only where a
// bias is -0 may a zero have the other sign, and where weights aren't finite no zero makes a NaN of
// them.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/dense.hpp"
#include "kernels/gather.hpp"
#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"
#include "shapes/stored.hpp"

namespace eigenmlp {

// Vectors of outputs that pass together: enough chains to hide the latency of each.
inline constexpr int kSparseVectors = 8;

// Calls body(values, columns, count) with the stored numbers of a sample.
template <typename Body>
EIGEN_STRONG_INLINE void with_stored(const Table& table, Index sample, Body&& body) {
  const Stored stored = stored_of(table, sample);
  with_places(table, [&](const auto*, const auto* columns) {
    with_elements(table, [&](const auto* data) {
      body(data + stored.begin, columns + stored.begin, stored.end - stored.begin);
    });
  });
}

namespace detail {

// sums (kVectors vectors) += Σ_k values[k] · row(places[k]), in the order of k: for each sum one
// chain of fused multiply-adds, as in a tile.
template <int kVectors, typename Scalar, typename Row>
EIGEN_STRONG_INLINE void add_rows(Index count, const Index* places, const Scalar* values, Row&& row,
                                  Scalar* sums) {
  constexpr Index width = kWidth<Scalar>;
  Packet<Scalar> acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = load(sums + v * width);
  for (Index k = 0; k < count; ++k) {
    const Packet<Scalar> factor = broadcast(values[k]);
    const Scalar* const at = row(places[k]);
    for (int v = 0; v < kVectors; ++v) {
      acc[v] = pmadd(factor, load_unaligned(at + v * width), acc[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) pstore(sums + v * width, acc[v]);
}

// The same where rows lie `stride` apart, with the next ones fetched in advance: they are far apart
// in a large memory.
template <int kVectors, typename Scalar>
EIGEN_DONT_INLINE void add_rows_ahead(Index count, const Index* places, const Scalar* values,
                                      const Scalar* rows, Index stride, Scalar* sums) {
  constexpr Index kAhead = 4;
  constexpr Index kLine = kAlignment / sizeof(Scalar);
  Index k = 0;
  add_rows<kVectors>(
      count, places, values,
      [&](Index place) {
        if (const Index ahead = k + kAhead; ahead < count) {
          const Scalar* const next = rows + places[ahead] * stride;
          for (Index at = 0; at < kVectors * kWidth<Scalar>; at += kLine) {
            __builtin_prefetch(next + at);
          }
        }
        ++k;
        return rows + place * stride;
      },
      sums);
}

// Stored numbers of a sample, some at a time: converted, and times a scale.
template <typename Scalar>
struct Run {
  static constexpr Index kMost = 256;

  // From number `begin` of the sample on; count is 0 behind the last.
  EIGEN_DONT_INLINE void read(const Table& table, Index sample, Index begin, Scalar scale) {
    with_stored(table, sample, [&](const auto* from, const auto* places, Index stored) {
      count = std::clamp(stored - begin, Index{0}, kMost);
      for (Index k = 0; k < count; ++k) {
        columns[k] =
            std::clamp(static_cast<Index>(places[begin + k]), Index{0}, table.features - 1);
        values[k] = static_cast<Scalar>(from[begin + k]) * scale;
      }
    });
  }

  Index count;
  Index columns[kMost];
  Scalar values[kMost];
};

// sums (kVectors vectors of outputs from `unit` on) += W · a run of a sample's inputs.
template <int kVectors, typename Scalar>
EIGEN_DONT_INLINE void add_run(const Layer& layer, const FirstWeights<Scalar>& weights, Index unit,
                               const Run<Scalar>& run, Scalar* sums) {
  if (weights.by_input) {
    return add_rows_ahead<kVectors>(run.count, run.columns, run.values, weights.of + unit,
                                    layer.fan_out, sums);
  }
  constexpr Index size = kVectors * kWidth<Scalar>;
  const Index n_units = std::min(size, layer.fan_out - unit);
  alignas(kAlignment) Scalar packed[size] = {};
  add_rows<kVectors>(
      run.count, run.columns, run.values,
      [&](Index column) {
        const Scalar* from = weights.of + unit * layer.fan_in + column;
        for (Index i = 0; i < n_units; ++i) packed[i] = from[i * layer.fan_in];
        return static_cast<const Scalar*>(packed);
      },
      sums);
}

// One panel of samples, kVectors vectors of outputs from `unit` on: see sparse_forward.
template <bool kRelu, int kVectors, typename Scalar>
EIGEN_DONT_INLINE void sparse_tile(const Layer& layer, const FirstWeights<Scalar>& weights,
                                   const Scalar* biases, const Selection& selection, Scalar scale,
                                   Index panel, Index unit, Scalar* output) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  constexpr Index size = kVectors * width;
  const Index n_units = std::min(size, layer.fan_out - unit);
  Run<Scalar> run;
  alignas(kAlignment) Scalar sums[lanes][size];
  for (Index lane = 0; lane < lanes; ++lane) {
    const Index at = panel * lanes + lane;
    if (at >= selection.count) {
      std::copy_n(sums[lane - 1], size, sums[lane]);
      continue;
    }
    std::fill_n(std::copy_n(biases + unit, n_units, sums[lane]), size - n_units, Scalar(0));
    const Index sample = selection.index(at);
    Index begin = 0;
    do {
      run.read(*selection.table, sample, begin, scale);
      add_run<kVectors>(layer, weights, unit, run, sums[lane]);
      begin += run.count;
    } while (run.count == Run<Scalar>::kMost);
    if constexpr (kRelu) {
      for (Index i = 0; i < size; i += width) {
        pstore(sums[lane] + i, pmax(load(sums[lane] + i), broadcast(Scalar(0))));
      }
    }
    // What was read beyond the outputs: the padding of panels is zero.
    std::fill(sums[lane] + n_units, sums[lane] + size, Scalar(0));
  }
  for (Index i = 0; i < size; i += width) {
    for (Index lane = 0; lane < lanes; lane += width) {
      transpose_block(sums[lane] + i, size, output + i * lanes + lane, lanes);
    }
  }
}

}  // namespace detail

// output (fan_out × lanes) = W · inputs + b of a selection's samples, through a ReLU if kRelu;
// lanes beyond the selection repeat its last sample. finish(unit, n_units, panel, n_panels) is
// called for each part while it is in the first-level cache.
template <bool kRelu, typename Scalar, typename Finish>
void sparse_forward(const Layer& layer, const FirstWeights<Scalar>& weights, const Scalar* biases,
                    const Selection& selection, double input_scale, const Region& region,
                    Panels<Scalar> output, Finish&& finish) {
  constexpr Index width = kWidth<Scalar>;
  const auto scale = static_cast<Scalar>(input_scale);
  const Tiling tiles(divide_up(layer.fan_out, width), kSparseVectors);
  const Share share = share_of(tiles.count() * region.n_panels, region.part, region.parts);
  for (Index job = share.begin; job < share.end; ++job) {
    const Index panel = region.first_panel + job / tiles.count();
    const Index tile = job % tiles.count();
    const Index unit = tiles.first(tile) * width;
    with_constant<kSparseVectors>(tiles.size(tile), [&](auto vectors) {
      detail::sparse_tile<kRelu, vectors>(layer, weights, biases, selection, scale, panel, unit,
                                          output.at(panel) + unit * kLanes<Scalar>);
    });
    finish(unit, std::min(tiles.size(tile) * width, layer.fan_out - unit), panel, Index{1});
  }
}

// The stored numbers of a chunk of samples, those of some columns, column by column.
template <typename Scalar>
class ColumnEntries {
 public:
  ColumnEntries() = default;
  // Of columns [columns.begin, columns.end), `most` numbers at a time.
  ColumnEntries(Share columns, Index most)
      : columns_(columns),
        counts_(columns.end - columns.begin),
        touched_(std::min(columns.end - columns.begin, most)),
        read_(most),
        samples_(most),
        values_(most) {}

  // Takes those of a chunk's samples, in place of any before.
  void take(const Selection& chunk, double input_scale) {
    for (Index i = 0; i < n_touched_; ++i) counts_.data()[touched_.data()[i] - columns_.begin] = 0;
    n_touched_ = 0;
    read(chunk, input_scale);
    for (Index i = 0; i < n_read_; ++i) {
      const Index column = read_.data()[i].column;
      if (counts_.data()[column - columns_.begin]++ == 0) touched_.data()[n_touched_++] = column;
    }
    // From the number of a column's entries to where the next one's place is.
    Index before = 0;
    for (Index i = 0; i < n_touched_; ++i) {
      Index& count = counts_.data()[touched_.data()[i] - columns_.begin];
      before += count;
      count = before - count;
    }
    for (Index i = 0; i < n_read_; ++i) {
      const Entry& entry = read_.data()[i];
      const Index at = counts_.data()[entry.column - columns_.begin]++;
      samples_.data()[at] = entry.sample;
      values_.data()[at] = entry.value;
    }
  }

  // The columns that have a number in the chunk.
  const Index* begin() const { return touched_.data(); }
  const Index* end() const { return touched_.data() + n_touched_; }

  // body(column, count, samples, values): the numbers of each column, by the samples of the chunk,
  // in their order.
  template <typename Body>
  void for_each_column(Body&& body) const {
    Index at = 0;
    for (const Index column : *this) {
      const Index after = counts_.data()[column - columns_.begin];
      body(column, after - at, samples_.data() + at, values_.data() + at);
      at = after;
    }
  }

 private:
  struct Entry {
    Index column;
    Index sample;
    Scalar value;
  };

  // Sample by sample. What others may change is read once, within what there is room for.
  void read(const Selection& chunk, double input_scale) {
    const auto scale = static_cast<Scalar>(input_scale);
    n_read_ = 0;
    for (Index i = 0; i < chunk.count; ++i) {
      with_stored(*chunk.table, chunk.index(i),
                  [&](const auto* values, const auto* columns, Index count) {
                    Index k = std::lower_bound(columns, columns + count, columns_.begin) - columns;
                    for (; k < count && n_read_ < read_.size(); ++k) {
                      const auto column = static_cast<Index>(columns[k]);
                      if (column < columns_.begin || column >= columns_.end) break;
                      read_.data()[n_read_++] = {column, i, static_cast<Scalar>(values[k]) * scale};
                    }
                  });
    }
  }

  Share columns_{0, 0};
  Buffer<Index> counts_;  // of each column in the chunk, then where its numbers end
  Buffer<Index> touched_;
  Index n_touched_ = 0;
  Buffer<Entry> read_;
  Index n_read_ = 0;
  Buffer<Index> samples_;
  Buffer<Scalar> values_;
};

// The δ of a chunk sample by sample, as the gradient of weights by input reads them: `stride`
// values each, of which those beyond the layer's outputs are zero.
template <typename Scalar>
struct DeltaRows {
  Scalar* data;
  Index stride;
};

// Panels of δ (fan_out × lanes) -> rows, a region's share of the panels.
template <typename Scalar>
void delta_to_rows(const Panels<Scalar>& delta, const DeltaRows<Scalar>& rows,
                   const Region& region) {
  constexpr Index width = kWidth<Scalar>;
  constexpr Index lanes = kLanes<Scalar>;
  const Share share = share_of(region.n_panels, region.part, region.parts);
  for (Index panel = region.first_panel + share.begin; panel < region.first_panel + share.end;
       ++panel) {
    for (Index lane = 0; lane < lanes; lane += width) {
      Scalar* const to = rows.data + (panel * lanes + lane) * rows.stride;
      for (Index unit = 0; unit < rows.stride; unit += width) {
        transpose_block(delta.at(panel) + unit * lanes + lane, lanes, to + unit, rows.stride);
      }
    }
  }
}

// sums (in whole vectors of outputs) += the gradient of one column of weights over a chunk: Σ value
// · δ of its samples, in their order.
template <typename Scalar>
void add_column_gradient(Index count, const Index* samples, const Scalar* values,
                         const DeltaRows<Scalar>& rows, Scalar* sums) {
  constexpr Index width = kWidth<Scalar>;
  const Tiling tiles(rows.stride / width, kSparseVectors);
  for (Index tile = 0; tile < tiles.count(); ++tile) {
    const Index unit = tiles.first(tile) * width;
    with_constant<kSparseVectors>(tiles.size(tile), [&](auto vectors) {
      detail::add_rows_ahead<vectors>(count, samples, values,
                                      static_cast<const Scalar*>(rows.data + unit), rows.stride,
                                      sums + unit);
    });
  }
}

}  // namespace eigenmlp
