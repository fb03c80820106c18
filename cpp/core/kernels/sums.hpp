// Sums over many values, in an order that neither vectors nor threads change.
#pragma once

#include <algorithm>
#include <vector>

#include "shapes/types.hpp"

namespace eigenmlp {

// Sums side by side, for the compiler's vectors.
inline constexpr Index kSums = 32;

// A sum that meets a NaN or an infinity never becomes finite again: x - x is 0 or NaN.
template <typename Scalar>
bool all_finite(const Scalar* values, Index count) {
  Scalar sums[kSums] = {};
  Index i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (Index j = 0; j < kSums; ++j) sums[j] += values[i + j] - values[i + j];
  }
  for (Index j = 0; i + j < count; ++j) sums[j] += values[i + j] - values[i + j];
  return std::all_of(sums, sums + kSums, [](Scalar sum) { return sum == 0; });
}

// Sums of squares over the flat buffer that several threads share: pieces of a fixed size, each
// summed by one thread and all of them in their order, so that the sum has the same bits for any
// number of threads.
class SquareSum {
 public:
  explicit SquareSum(Index count)
      : count_(count), pieces_(static_cast<std::size_t>(divide_up(count, kPiece))) {}

  // Sums this thread's share of the pieces.
  template <typename Scalar>
  void add(const Scalar* values, int thread, int n_threads) {
    const Share share = share_of(static_cast<Index>(pieces_.size()), thread, n_threads);
    for (Index piece = share.begin; piece < share.end; ++piece) {
      const Index begin = piece * kPiece;
      pieces_[static_cast<std::size_t>(piece)] =
          of(values + begin, std::min(kPiece, count_ - begin));
    }
  }

  double total() const {
    double sum = 0;
    for (const double piece : pieces_) sum += piece;
    return sum;
  }

  template <typename Scalar>
  static double of(const Scalar* values, Index count) {
    double sums[kSums] = {};
    Index i = 0;
    for (; i + kSums <= count; i += kSums) {
      for (Index j = 0; j < kSums; ++j) {
        const auto value = static_cast<double>(values[i + j]);
        sums[j] += value * value;
      }
    }
    for (Index j = 0; i + j < count; ++j) {
      const auto value = static_cast<double>(values[i + j]);
      sums[j] += value * value;
    }
    double sum = 0;
    for (const double part : sums) sum += part;
    return sum;
  }

 private:
  static constexpr Index kPiece = 4096;

  Index count_;
  std::vector<double> pieces_;
};

}  // namespace eigenmlp
