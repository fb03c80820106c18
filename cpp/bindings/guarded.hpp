// Core objects as Python holds them: each with a lock of its own, so that several threads can use
// one object at once, with or without the GIL.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "network.hpp"
#include "optimizer.hpp"

namespace eigenmlp {

// Locks are taken only after the GIL was released: long work asks for the GIL, to look for signals,
// while it holds its locks.
template <typename T>
struct Guarded {
  template <typename... Arguments>
  explicit Guarded(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}

  T value;
  mutable std::shared_mutex mutex;
};

template <typename Scalar>
using GuardedNetwork = Guarded<Network<Scalar>>;
template <typename Scalar>
using GuardedOptimizer = Guarded<Optimizer<Scalar>>;

}  // namespace eigenmlp
