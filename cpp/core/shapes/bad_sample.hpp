// The check of values before a network sees them.
#pragma once

#include "shapes/types.hpp"

namespace eigenmlp {

// Index of the first sample with an element that is NaN, infinite or beyond the range of Scalar;
// rows.count if there is none. Any sample if stopped.
template <typename Scalar>
Index first_bad_sample(const Rows& rows, const StopRequested& stop);

}  // namespace eigenmlp
