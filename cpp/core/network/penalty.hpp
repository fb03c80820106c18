// The penalty of large parameters.
#pragma once

#include "network/network.hpp"

namespace eigenmlp {

// λ of the penalty (λ/2) Σ ‖W‖², whose gradient is λW.
struct Penalty {
  double lambda = 0;
  bool biases = false;   // also of biases, gains and shifts
  bool divided = false;  // λ divided by each batch's weight

  double of(double weight) const { return divided ? lambda / weight : lambda; }
};

// Σ ‖W‖² of the first layer's weights; and of all others, with `biases` also of biases, gains and
// shifts.
template <typename Scalar>
double first_squares(const Network<Scalar>& network);
template <typename Scalar>
double other_squares(const Network<Scalar>& network, bool biases);

// (λ/2) Σ ‖W‖², with `biases` also of biases, gains and shifts.
template <typename Scalar>
double penalty_of(const Network<Scalar>& network, double lambda, bool biases);

}  // namespace eigenmlp
