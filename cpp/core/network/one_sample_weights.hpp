// A copy of a network's weights for predicting one sample alone: outputs in the lanes, in the order
// in which that kernel reads them.
#pragma once

#include <atomic>
#include <mutex>

#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"

namespace eigenmlp {

// The copy, made when it is first asked for after the weights have changed.
template <typename Scalar>
class OneSampleWeights {
 public:
  // Those of all layers, one after the other. Several threads may call it at once, but not while
  // another calls forget().
  const Scalar* of(const Layout& layout, const Scalar* parameters) {
    if (!current_.load(std::memory_order_acquire)) copy(layout, parameters);
    return copy_.data();
  }

  // Called before the weights change.
  void forget() { current_.store(false, std::memory_order_relaxed); }

 private:
  void copy(const Layout& layout, const Scalar* parameters);

  std::mutex mutex_;
  std::atomic<bool> current_{false};
  Buffer<Scalar> copy_;
};

}  // namespace eigenmlp
