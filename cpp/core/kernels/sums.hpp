// Sums over many values, in an order that neither vectors nor threads change.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
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

// A sum of numbers of 0 or more, exact until it is read: the order of adding changes no bit of it.
// Their bits are collected by weight, 32 of them in a part; a part has room for the carries of 2^31
// numbers.
class ExactSum {
 public:
  void add(double value) {
    if (!(value <= std::numeric_limits<double>::max())) {
      finite_ = false;
      return;
    }
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const std::uint64_t exponent = bits >> 52;
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
    // value = mantissa · 2^(shift - 1074)
    const std::uint64_t mantissa = exponent ? fraction | (std::uint64_t{1} << 52) : fraction;
    const std::uint64_t shift = exponent ? exponent - 1 : 0;
    const std::uint64_t low = mantissa << (shift % 32);
    const std::uint64_t high = shift % 32 ? mantissa >> (64 - shift % 32) : 0;
    std::uint64_t* const part = parts_.data() + shift / 32;
    part[0] += low & 0xffffffff;
    part[1] += low >> 32;
    part[2] += high;
  }

  ExactSum& operator+=(const ExactSum& other) {
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i] += other.parts_[i];
    finite_ = finite_ && other.finite_;
    return *this;
  }

  // Rounded, to one unit in the last place; not finite if a number was not.
  double total() const {
    if (!finite_) return std::numeric_limits<double>::infinity();
    std::array<std::uint64_t, kParts> parts = parts_;
    for (std::size_t i = 0; i + 1 < kParts; ++i) {
      parts[i + 1] += parts[i] >> 32;
      parts[i] &= 0xffffffff;
    }
    double sum = 0;
    for (std::size_t i = kParts; i-- > 0;) {
      if (parts[i])
        sum += std::ldexp(static_cast<double>(parts[i]), 32 * static_cast<int>(i) - 1074);
    }
    return sum;
  }

 private:
  static constexpr std::size_t kParts = 67;  // 2,098 bits, and the carries

  std::array<std::uint64_t, kParts> parts_{};
  bool finite_ = true;
};

// Σ of the squares of the weights of one input, for all outputs: eight sums side by side, so that
// it is the same whether weights lie input by input or output by output.
inline constexpr Index kInputSums = 8;
inline double sum_of(const double (&sums)[kInputSums]) {
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// Adds the squares of `count` weights of an input, from an output on that is a multiple of 8.
template <typename Scalar>
void add_squares(const Scalar* weights, Index count, double (&sums)[kInputSums]) {
  Index i = 0;
  for (; i + kInputSums <= count; i += kInputSums) {
    for (Index j = 0; j < kInputSums; ++j) {
      const auto value = static_cast<double>(weights[i + j]);
      sums[j] += value * value;
    }
  }
  for (Index j = 0; i + j < count; ++j) {
    const auto value = static_cast<double>(weights[i + j]);
    sums[j] += value * value;
  }
}

// The sum of the squares over all inputs, of weights (fan_out × fan_in).
template <typename Scalar>
double squares_by_input(const Scalar* weights, Index fan_out, Index fan_in) {
  constexpr Index kColumns = 256;
  ExactSum total;
  for (Index begin = 0; begin < fan_in; begin += kColumns) {
    const Index count = std::min(kColumns, fan_in - begin);
    double sums[kInputSums][kColumns] = {};
    for (Index output = 0; output < fan_out; ++output) {
      double* const sum = sums[output % kInputSums];
      const Scalar* const from = weights + output * fan_in + begin;
      for (Index j = 0; j < count; ++j) {
        const auto value = static_cast<double>(from[j]);
        sum[j] += value * value;
      }
    }
    for (Index j = 0; j < count; ++j) {
      double of_input[kInputSums];
      for (Index i = 0; i < kInputSums; ++i) of_input[i] = sums[i][j];
      total.add(sum_of(of_input));
    }
  }
  return total.total();
}

}  // namespace eigenmlp
