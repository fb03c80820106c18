// The check of values before a network sees them.
#pragma once

#include "shapes/types.hpp"

namespace eigenmlp {

// Index of the first sample with an element that is NaN, infinite or beyond the range of Scalar;
// inputs.count if there is none. Any sample if stopped.
template <typename Scalar>
Index first_bad_sample(const Table& inputs, const StopRequested& stop);

}  // namespace eigenmlp
