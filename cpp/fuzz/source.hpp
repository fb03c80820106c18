// A fuzzer's bytes as the choices of a test case.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "shapes/types.hpp"

namespace fuzz {

using eigenmlp::Index;

// Takes bytes from the front as long as there are any; what comes after them follows from all of
// them (splitmix64), so that a few bytes make a whole data set.
class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {
    for (std::size_t i = 0; i < size; ++i) state_ = (state_ ^ data[i]) * 0x100000001b3;
  }

  std::uint8_t byte() {
    if (left_ == 0) return static_cast<std::uint8_t>(random());
    --left_;
    return *data_++;
  }

  bool flag() { return (byte() & 1) != 0; }

  // One of least … most.
  Index between(Index least, Index most) {
    const Index wide = byte() | byte() << 8;
    return least + wide % (most - least + 1);
  }

  template <typename Enum>
  Enum one_of(int count) {
    return static_cast<Enum>(byte() % count);
  }

  // Mostly ordinary, now and then awkward; always finite as a Scalar.
  template <typename Scalar>
  double value() {
    using Limits = std::numeric_limits<Scalar>;
    const std::uint64_t bits = random();
    const double ordinary = static_cast<double>(bits >> 11) / (1ULL << 52) - 1;
    switch (bits % 64) {
      case 0:
        return 0;
      case 1:
        return -0.0;
      case 2:
        return static_cast<double>(Limits::denorm_min());
      case 3:
        return static_cast<double>(wild_ ? Limits::max() : Limits::min());
      case 4:
        return static_cast<double>(wild_ ? Limits::lowest() : -Limits::min());
      case 5:
        return wild_ ? 1e6 * ordinary : 1;
      default:
        return ordinary;
    }
  }

  // Whether value() may be so large that sums of it overflow.
  void be_wild(bool wild) { wild_ = wild; }

 private:
  std::uint64_t random() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  const std::uint8_t* data_;
  std::size_t left_;
  std::uint64_t state_ = 0xcbf29ce484222325;
  bool wild_ = false;
};

}  // namespace fuzz
