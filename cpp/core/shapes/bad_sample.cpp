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
Index first_bad_sample(const Table& inputs, const StopRequested& stop) {
  const auto search = [&]<typename Element>(const Element* data) {
    const auto largest = static_cast<Element>(
        std::min<double>(std::numeric_limits<Scalar>::max(), std::numeric_limits<Element>::max()));
    for (Index i = 0; i < inputs.count; ++i) {
      const Element* sample = data + i * inputs.stride;
      // An integer flag instead of an early return, so that the loop is vectorized.
      int bad = 0;
      for (Index j = 0; j < inputs.features; ++j) bad |= !(std::abs(sample[j]) <= largest);
      if (bad || (i % kSamplesBetweenStops == 0 && stop())) return i;
    }
    return inputs.count;
  };
  switch (inputs.type) {
    case ElementType::kUint8:
      return inputs.count;
    case ElementType::kFloat32:
      return search(static_cast<const float*>(inputs.data));
    case ElementType::kFloat64:
      return search(static_cast<const double*>(inputs.data));
  }
  return inputs.count;
}

template Index first_bad_sample<float>(const Table&, const StopRequested&);
template Index first_bad_sample<double>(const Table&, const StopRequested&);

}  // namespace eigenmlp
