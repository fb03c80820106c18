#include "shapes/bad_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "shapes/stored.hpp"

namespace eigenmlp {

namespace {

// A check of a sample takes far less than its prediction.
constexpr Index kSamplesBetweenStops = 1024;

}  // namespace

template <typename Scalar>
Index first_bad_sample(const Table& inputs, const StopRequested& stop) {
  const auto search = [&]<typename Element>(const Element*) {
    const auto largest = static_cast<Element>(
        std::min<double>(std::numeric_limits<Scalar>::max(), std::numeric_limits<Element>::max()));
    for (Index i = 0; i < inputs.count; ++i) {
      // An integer flag instead of an early return, so that the loop is vectorized.
      int bad = 0;
      const auto look = [&](const Element* sample, Index count) {
        for (Index j = 0; j < count; ++j) bad |= !(std::abs(sample[j]) <= largest);
      };
      const auto* data = static_cast<const Element*>(inputs.data);
      if (inputs.sparse()) {
        const Stored stored = stored_of(inputs, i);
        look(data + stored.begin, stored.end - stored.begin);
      } else {
        look(data + i * inputs.stride, inputs.features);
      }
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

bool begins_hold(const Table& inputs) {
  return with_places(inputs, [&](const auto* begins, const auto*) {
    if (begins[0] != 0 || begins[inputs.count] > inputs.stored) return false;
    return std::is_sorted(begins, begins + inputs.count + 1);
  });
}

std::optional<Index> first_stray(const Table& inputs, Index sample) {
  const Stored stored = stored_of(inputs, sample);
  return with_places(inputs, [&](const auto*, const auto* columns) -> std::optional<Index> {
    for (Index k = stored.begin; k < stored.end; ++k) {
      const Index column = columns[k];
      if (column < 0 || column >= inputs.features) return column;
    }
    return std::nullopt;
  });
}

Index first_unordered_sample(const Table& inputs) {
  return with_places(inputs, [&](const auto*, const auto* columns) {
    for (Index i = 0; i < inputs.count; ++i) {
      const Stored stored = stored_of(inputs, i);
      Index before = -1;
      for (Index k = stored.begin; k < stored.end; ++k) {
        const Index column = columns[k];
        if (column <= before || column >= inputs.features) return i;
        before = column;
      }
    }
    return inputs.count;
  });
}

template Index first_bad_sample<float>(const Table&, const StopRequested&);
template Index first_bad_sample<double>(const Table&, const StopRequested&);

}  // namespace eigenmlp
