// What follows a hidden layer's products where that is more than a ReLU: activation and dropout, on
// values that the products have just left in the first-level cache.
#pragma once

#include "kernels/activation.hpp"
#include "kernels/dense.hpp"
#include "kernels/dropout.hpp"
#include "shapes/buffer.hpp"

namespace eigenmlp {

namespace detail {

template <Activation kActivation, typename Scalar>
EIGEN_DONT_INLINE void activate_rows(Index n_rows, int n_vectors, Scalar* z, Scalar* slopes) {
  constexpr Index width = kWidth<Scalar>;
  for (Index row = 0; row < n_rows; ++row) {
    for (Index at = row * kLanes<Scalar>; at < row * kLanes<Scalar> + n_vectors * width;
         at += width) {
      const Activated<Scalar> result = activate<kActivation, Scalar>(load(z + at));
      pstore(z + at, result.value);
      if (slopes) pstore(slopes + at, result.slope);
    }
  }
}

}  // namespace detail

// z (n_rows features from `feature` on, kLanes apart; n_vectors vectors of samples):
// pre-activations on entry, activations on return. slopes: da/dz, or null where none are wanted.
// first_sample: of the batch, for dropout.
template <typename Scalar>
void activate_rows(Activation activation, const Dropout& dropout, Index feature, Index n_rows,
                   Index first_sample, int n_vectors, Scalar* z, Scalar* slopes) {
  with_activation(activation,
                  [&](auto kind) { detail::activate_rows<kind>(n_rows, n_vectors, z, slopes); });
  if (!dropout.active()) return;
  constexpr Index width = kWidth<Scalar>;
  alignas(kAlignment) Scalar factors[kLanes<Scalar>];
  for (Index row = 0; row < n_rows; ++row) {
    dropout.factors(feature + row, first_sample, n_vectors * width, factors);
    for (Index i = 0; i < n_vectors * width; i += width) {
      const Index at = row * kLanes<Scalar> + i;
      const Packet<Scalar> factor = load(factors + i);
      pstore(z + at, pmul(load(z + at), factor));
      if (slopes) pstore(slopes + at, pmul(load(slopes + at), factor));
    }
  }
}

}  // namespace eigenmlp
