// In which order an optimizer's moments lie.
#pragma once

#include "shapes/layout.hpp"
#include "shapes/optimizer.hpp"

namespace eigenmlp {

// Lays the moments of the first layer's weights input by input, as training on sparse inputs takes
// them, or again as the parameters lie; on `n_threads` threads.
template <typename Scalar>
void lay_by_input(Optimizer<Scalar>& optimizer, const Layer& first, int n_threads);
template <typename Scalar>
void lay_as_parameters(Optimizer<Scalar>& optimizer, int n_threads);

// Copies moments, as the parameters lie.
template <typename Scalar>
void copy_moments(const Optimizer<Scalar>& optimizer, std::size_t which, Scalar* to);

}  // namespace eigenmlp
