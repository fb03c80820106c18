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
EIGEN_DONT_INLINE void activate_units(Index n_units, int n_vectors, Scalar* z, Scalar* slopes) {
  constexpr Index width = kWidth<Scalar>;
  for (Index u = 0; u < n_units; ++u) {
    for (Index at = u * kLanes<Scalar>; at < u * kLanes<Scalar> + n_vectors * width; at += width) {
      const Activated<Scalar> result = activate<kActivation, Scalar>(load(z + at));
      pstore(z + at, result.value);
      if (slopes) pstore(slopes + at, result.slope);
    }
  }
}

}  // namespace detail

// z (n_units units from `unit` on, kLanes apart; n_vectors vectors of samples):
// pre-activations on entry, activations on return. slopes: da/dz, or null where none are wanted.
// first_sample: of the batch, for dropout.
template <typename Scalar>
void activate_units(Activation activation, const Dropout& dropout, Index unit, Index n_units,
                    Index first_sample, int n_vectors, Scalar* z, Scalar* slopes) {
  with_activation(activation,
                  [&](auto kind) { detail::activate_units<kind>(n_units, n_vectors, z, slopes); });
  if (!dropout.active()) return;
  constexpr Index width = kWidth<Scalar>;
  alignas(kAlignment) Scalar factors[kLanes<Scalar>];
  for (Index u = 0; u < n_units; ++u) {
    dropout.factors(unit + u, first_sample, n_vectors * width, factors);
    for (Index i = 0; i < n_vectors * width; i += width) {
      const Index at = u * kLanes<Scalar> + i;
      const Packet<Scalar> factor = load(factors + i);
      pstore(z + at, pmul(load(z + at), factor));
      if (slopes) pstore(slopes + at, pmul(load(slopes + at), factor));
    }
  }
}

}  // namespace eigenmlp
