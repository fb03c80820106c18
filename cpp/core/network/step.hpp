// One step of an optimizer by a gradient that the caller has.
#pragma once

#include "network/network.hpp"
#include "shapes/optimizer.hpp"

namespace eigenmlp {

// Moves the parameters by their gradient, which is left as it is; and the running statistics
// towards `statistics`, n_values with those of a batch in their places, unless it is null.
template <typename Scalar>
void step(Network<Scalar>& network, Optimizer<Scalar>& optimizer, double learning_rate,
          Scalar* gradient, const Scalar* statistics);

// Whether the parameters, and the moments of squares, are finite: a parameter whose squares are
// infinite would never move again.
template <typename Scalar>
bool is_finite(const Network<Scalar>& network, const Optimizer<Scalar>& optimizer);

}  // namespace eigenmlp
