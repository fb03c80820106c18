#include "layout.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace eigenmlp {

Layout::Layout(std::vector<Index> sizes) : sizes_(std::move(sizes)) {
  if (sizes_.size() < 2) {
    throw std::invalid_argument("a network needs at least an input and an output size, got " +
                                std::to_string(sizes_.size()) + " sizes");
  }
  // Far beyond any memory, and small enough that no later index arithmetic overflows.
  constexpr Index kMost = Index{1} << 44;
  for (const Index size : sizes_) {
    if (size < 1) {
      throw std::invalid_argument("every layer size must be at least 1, got " +
                                  std::to_string(size));
    }
    if (size > kMost) throw std::bad_alloc();
  }
  for (std::size_t l = 1; l < sizes_.size(); ++l) {
    const Index fan_in = sizes_[l - 1];
    const Index fan_out = sizes_[l];
    if (fan_in + 1 > (kMost - n_parameters_) / fan_out) throw std::bad_alloc();
    const Index biases = n_parameters_ + fan_in * fan_out;
    layers_.push_back({fan_in, fan_out, n_parameters_, biases});
    n_parameters_ = biases + fan_out;
  }
}

Index Layout::widest() const { return *std::max_element(sizes_.begin(), sizes_.end()); }

}  // namespace eigenmlp
