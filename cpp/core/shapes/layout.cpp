#include "shapes/layout.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

namespace eigenmlp {

Layout::Layout(const Architecture& architecture) : sizes_(architecture.sizes) {
  if (sizes_.size() < 2) {
    throw std::invalid_argument("a network needs at least an input and an output size, got " +
                                std::to_string(sizes_.size()) + " sizes");
  }
  if (architecture.hidden.size() != sizes_.size() - 2) {
    throw std::invalid_argument(std::to_string(sizes_.size()) + " sizes have " +
                                std::to_string(sizes_.size() - 2) + " hidden layers, got " +
                                std::to_string(architecture.hidden.size()));
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
    Layer layer{sizes_[l - 1], sizes_[l], n_parameters_, 0, 0, 0, 0, 0, {Activation::kIdentity}};
    if (layer.fan_in + 3 > (kMost - n_parameters_) / layer.fan_out) throw std::bad_alloc();
    if (l + 1 < sizes_.size()) layer.hidden = architecture.hidden[l - 1];
    layer.biases = layer.weights + layer.fan_in * layer.fan_out;
    n_parameters_ = layer.biases + layer.fan_out;
    if (layer.hidden.normalization != Normalization::kNone) {
      layer.gains = n_parameters_;
      layer.shifts = layer.gains + layer.fan_out;
      n_parameters_ = layer.shifts + layer.fan_out;
    }
    layers_.push_back(layer);
  }
  n_values_ = n_parameters_;
  for (Layer& layer : layers_) {
    if (layer.hidden.normalization != Normalization::kBatch) continue;
    layer.means = n_values_;
    layer.variances = layer.means + layer.fan_out;
    n_values_ = layer.variances + layer.fan_out;
  }
}

Index Layout::widest() const { return *std::max_element(sizes_.begin(), sizes_.end()); }

Index Layout::widest_above() const { return *std::max_element(sizes_.begin() + 1, sizes_.end()); }

bool Layout::normalized() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const Layer& layer) {
    return layer.hidden.normalization != Normalization::kNone;
  });
}

bool Layout::batch_normalized() const {
  return std::any_of(layers_.begin(), layers_.end(), [](const Layer& layer) {
    return layer.hidden.normalization == Normalization::kBatch;
  });
}

}  // namespace eigenmlp
