// Bounds of a gradient: of each element, and of the norm of all.
#pragma once

#include <cmath>

#include "shapes/types.hpp"

namespace eigenmlp {

// Bounds each element; a NaN stays a NaN.
template <typename Scalar>
void clip_values(Index count, Scalar bound, Scalar* gradient) {
  for (Index i = 0; i < count; ++i) {
    const Scalar g = gradient[i];
    gradient[i] = g > bound ? bound : g < -bound ? -bound : g;
  }
}

// A norm as largest · ratio, for values whose squares overflow or vanish.
struct ScaledNorm {
  double largest = 0;  // of the absolute values; infinite or NaN if one of them is
  double ratio = 0;    // 1 to √count

  template <typename Scalar>
  ScaledNorm(const Scalar* values, Index count) {
    for (Index i = 0; i < count; ++i) {
      const double size = std::abs(static_cast<double>(values[i]));
      if (std::isnan(size)) largest = size;  // no later comparison replaces a NaN
      if (size > largest) largest = size;
    }
    if (largest == 0) return;
    double sum = 0;
    for (Index i = 0; i < count; ++i) {
      const double part = static_cast<double>(values[i]) / largest;
      sum += part * part;
    }
    ratio = std::sqrt(sum);
  }

  bool exceeds(double bound) const { return std::isfinite(largest) && ratio > bound / largest; }
};

}  // namespace eigenmlp
