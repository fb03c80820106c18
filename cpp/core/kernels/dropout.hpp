// Inverted dropout: which units are kept follows from a counter, not from a generator's state, so
// that no order of computation can change it.
#pragma once

#include <cstdint>

#include "kernels/simd.hpp"

namespace eigenmlp {

namespace detail {

// SplitMix64's output function (Steele, Lea & Flood, 2014).
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// A bijection of 32 bits in which every bit of x changes every bit of the result about half of the
// time.
constexpr std::uint32_t mix32(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352d;
  x = (x ^ (x >> 15)) * 0x846ca68b;
  return x ^ (x >> 16);
}

}  // namespace detail

// The masks of one layer in one step; by default nothing is dropped.
class Dropout {
 public:
  Dropout() = default;
  // first_sample: the place in the whole batch of the samples that are counted from 0 here.
  Dropout(double probability, std::uint64_t seed, std::int64_t step, std::size_t layer,
          Index first_sample)
      : active_(probability > 0),
        // Of 2^32 numbers the first p · 2^32 drop.
        threshold_(static_cast<std::uint32_t>(probability * 4294967296.0)),
        first_sample_(static_cast<std::uint32_t>(first_sample)),
        scale_(1 / (1 - probability)) {
    const std::uint64_t key = detail::mix64(
        detail::mix64(detail::mix64(seed) ^ static_cast<std::uint64_t>(step)) ^ layer);
    unit_key_ = static_cast<std::uint32_t>(key);
    sample_key_ = static_cast<std::uint32_t>(key >> 32);
  }

  bool active() const { return active_; }

  // factors[i] = 1/(1 - p) or 0, for `count` samples of the batch from first_sample on.
  template <typename Scalar>
  void factors(Index unit, Index first_sample, Index count, Scalar* factors) const {
    const auto kept = static_cast<Scalar>(scale_);
    const std::uint32_t hash =
        detail::mix32(static_cast<std::uint32_t>(unit) ^ unit_key_) ^ sample_key_;
    const std::uint32_t first = first_sample_ + static_cast<std::uint32_t>(first_sample);
    for (Index i = 0; i < count; ++i) {
      const std::uint32_t sample = first + static_cast<std::uint32_t>(i);
      const std::uint32_t x = detail::mix32(hash + detail::mix32(sample));
      factors[i] = x < threshold_ ? Scalar(0) : kept;
    }
  }

 private:
  bool active_ = false;
  std::uint32_t threshold_ = 0;
  std::uint32_t unit_key_ = 0;
  std::uint32_t sample_key_ = 0;
  std::uint32_t first_sample_ = 0;
  double scale_ = 1;
};

}  // namespace eigenmlp
