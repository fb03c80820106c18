// Numbers and shapes: what every other file of the core is written in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace eigenmlp {

using Index = std::ptrdiff_t;

// A class index, 0 … n_classes - 1.
using Label = std::int32_t;

enum class ElementType { kUint8, kFloat32, kFloat64 };

// Borrowed numbers of samples, inputs or targets: number j of sample i is data[i * stride + j], the
// stride in elements. Of a sparse table only some numbers are stored and the others are zero, as in
// SciPy's CSR arrays: those of sample i are data[k], of feature columns[k], for k from begins[i] to
// below begins[i + 1], and their features ascend.
struct Table {
  const void* data;
  ElementType type;
  Index count;
  Index features;
  Index stride;
  const void* begins = nullptr;   // count + 1; null where all numbers are stored
  const void* columns = nullptr;  // one for each stored number
  bool wide = false;              // whether begins and columns have 64 bits, not 32
  Index stored = 0;               // numbers that are stored

  bool sparse() const { return begins != nullptr; }
};

// The scores of any number of samples, each times its weight.
struct LossSum {
  double loss = 0;
  double correct = 0;  // samples whose outputs, as classes, are all right
  double weight = 0;

  LossSum& operator+=(const LossSum& other) {
    loss += other.loss;
    correct += other.correct;
    weight += other.weight;
    return *this;
  }
};

// Asked now and then during long work; true means "stop as soon as nothing is half done".
using StopRequested = std::function<bool()>;

// How work on batches ended; diverged: with a loss that is not finite.
enum class Ending { kFinished, kStopped, kDiverged };

constexpr Index divide_up(Index value, Index by) { return (value + by - 1) / by; }
constexpr Index round_up(Index value, Index to) { return divide_up(value, to) * to; }

// `total` things cut into as few pieces of at most `most` as possible, whose sizes differ by one at
// most: the first pieces are the larger ones.
class Tiling {
 public:
  constexpr Tiling(Index total, Index most)
      : count_(divide_up(total, most)), size_(total / count_), larger_(total % count_) {}

  constexpr Index count() const { return count_; }
  constexpr Index size(Index tile) const { return size_ + (tile < larger_ ? 1 : 0); }
  constexpr Index first(Index tile) const { return tile * size_ + std::min(tile, larger_); }

 private:
  Index count_;
  Index size_;
  Index larger_;
};

// One part's contiguous share of [0, total).
struct Share {
  Index begin;
  Index end;
};
constexpr Share share_of(Index total, int part, int parts) {
  return {total * part / parts, total * (part + 1) / parts};
}

}  // namespace eigenmlp
