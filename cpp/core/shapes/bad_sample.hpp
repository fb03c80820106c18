// The check of values before a network sees them.
#pragma once

#include <optional>

#include "shapes/types.hpp"

namespace eigenmlp {

// Index of the first sample with an element that is NaN, infinite or beyond the range of Scalar;
// inputs.count if there is none. Any sample if stopped.
template <typename Scalar>
Index first_bad_sample(const Table& inputs, const StopRequested& stop);

// Whether what a sparse table says of its samples holds: begins start with 0, never fall and end
// with the stored numbers at most.
bool begins_hold(const Table& inputs);

// A feature that a sample stores and its sparse table doesn't have, if there is one.
std::optional<Index> first_stray(const Table& inputs, Index sample);

// Index of the first sample of a sparse table whose features are outside of it, or don't ascend;
// inputs.count if there is none.
Index first_unordered_sample(const Table& inputs);

}  // namespace eigenmlp
