// The numbers of a table that are not zero, as a sparse table.
#pragma once

#include <cstdint>
#include <vector>

#include "shapes/types.hpp"

namespace problem {

using eigenmlp::ElementType;
using eigenmlp::Index;
using eigenmlp::Table;

class SparseCopy {
 public:
  // wide: with places of 64 bits, not 32. every: of zeros, so many apart are stored all the same; 0
  // is none.
  SparseCopy(const Table& from, bool wide, Index every = 0) : table(from) {
    switch (from.type) {
      case ElementType::kUint8:
        copy(static_cast<const std::uint8_t*>(from.data), every, bytes_);
        break;
      case ElementType::kFloat32:
        copy(static_cast<const float*>(from.data), every, floats_);
        break;
      case ElementType::kFloat64:
        copy(static_cast<const double*>(from.data), every, doubles_);
        break;
    }
    table.wide = wide;
    table.begins =
        wide ? static_cast<const void*>(wide_begins_.data()) : narrow(wide_begins_, begins_);
    table.columns =
        wide ? static_cast<const void*>(wide_columns_.data()) : narrow(wide_columns_, columns_);
    table.stored = static_cast<Index>(wide_columns_.size());
  }
  // table points into the copy.
  SparseCopy(const SparseCopy&) = delete;
  SparseCopy& operator=(const SparseCopy&) = delete;

  Table table;

 private:
  template <typename Element>
  void copy(const Element* data, Index every, std::vector<Element>& values) {
    wide_begins_.push_back(0);
    Index zeros = 0;
    for (Index i = 0; i < table.count; ++i) {
      for (Index j = 0; j < table.features; ++j) {
        const Element value = data[i * table.stride + j];
        if (value == Element(0) && (every == 0 || ++zeros % every != 0)) continue;
        wide_columns_.push_back(j);
        values.push_back(value);
      }
      wide_begins_.push_back(static_cast<std::int64_t>(wide_columns_.size()));
    }
    table.data = values.data();
  }

  static const void* narrow(const std::vector<std::int64_t>& wide,
                            std::vector<std::int32_t>& places) {
    for (const std::int64_t place : wide) places.push_back(static_cast<std::int32_t>(place));
    return places.data();
  }

  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<std::int64_t> wide_begins_;
  std::vector<std::int64_t> wide_columns_;
  std::vector<std::int32_t> begins_;
  std::vector<std::int32_t> columns_;
};

}  // namespace problem
