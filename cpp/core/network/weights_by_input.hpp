// A copy of the first layer's weights input by input, for walks over sparse inputs.
#pragma once

#include <atomic>
#include <mutex>

#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"

namespace eigenmlp {

// The copy (fan_in × fan_out, and a vector's room behind), made when it is first asked for after
// the weights have changed. Sparse training changes the copy, and then the weights by it.
template <typename Scalar>
class WeightsByInput {
 public:
  // Several threads may call it at once, but not while another calls what follows.
  Scalar* of(const Layer& layer, const Scalar* parameters) {
    if (!current()) copy(layer, parameters);
    return copy_.data();
  }

  bool current() const { return current_.load(std::memory_order_acquire); }

  // Called before the weights change.
  void forget() { current_.store(false, std::memory_order_relaxed); }

  // Brings the weights of a share of the inputs up to date with the copy, which stays so too.
  void write_back(const Layer& layer, Share inputs, Scalar* parameters) const;

 private:
  void copy(const Layer& layer, const Scalar* parameters);

  std::mutex mutex_;
  std::atomic<bool> current_{false};
  Buffer<Scalar> copy_;
};

}  // namespace eigenmlp
