#include "shapes/bad_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eigenmlp {

namespace {

// A check of a sample takes far less than its prediction.
constexpr Index kSamplesBetweenStops = 1024;

}  // namespace

template <typename Scalar>
Index first_bad_sample(const Rows& rows, const StopRequested& stop) {
  const auto search = [&]<typename Element>(const Element* data) {
    const auto largest = static_cast<Element>(
        std::min<double>(std::numeric_limits<Scalar>::max(), std::numeric_limits<Element>::max()));
    for (Index i = 0; i < rows.count; ++i) {
      const Element* sample = data + i * rows.stride;
      // An integer flag instead of an early return, so that the loop is vectorized.
      int bad = 0;
      for (Index j = 0; j < rows.features; ++j) bad |= !(std::abs(sample[j]) <= largest);
      if (bad || (i % kSamplesBetweenStops == 0 && stop())) return i;
    }
    return rows.count;
  };
  switch (rows.type) {
    case ElementType::kUint8:
      return rows.count;
    case ElementType::kFloat32:
      return search(static_cast<const float*>(rows.data));
    case ElementType::kFloat64:
      return search(static_cast<const double*>(rows.data));
  }
  return rows.count;
}

template Index first_bad_sample<float>(const Rows&, const StopRequested&);
template Index first_bad_sample<double>(const Rows&, const StopRequested&);

}  // namespace eigenmlp
