// The model: an architecture and its parameters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "network/one_sample_weights.hpp"
#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"
#include "shapes/scratch.hpp"

namespace eigenmlp {

// A dense network. Inputs are multiplied by input_scale before the first layer.
template <typename Scalar>
class Network {
 public:
  explicit Network(Architecture architecture)
      : architecture_(std::move(architecture)),
        layout_(architecture_),
        parameters_(layout_.n_values()) {
    for (const Layer& layer : layout_.layers()) {
      const auto fill = [&](Index offset) {
        std::fill_n(parameters_.data() + offset, layer.fan_out, Scalar(1));
      };
      if (layer.hidden.normalization != Normalization::kNone) fill(layer.gains);
      if (layer.hidden.normalization == Normalization::kBatch) fill(layer.variances);
    }
  }

  const Architecture& architecture() const { return architecture_; }
  void set_dropout_seed(std::uint64_t seed) { architecture_.dropout_seed = seed; }
  const Layout& layout() const { return layout_; }
  double input_scale() const { return architecture_.input_scale; }
  // n_values of the layout.
  const Scalar* parameters() const { return parameters_.data(); }
  // To change them before the next prediction.
  Scalar* parameters() {
    one_sample_weights_.forget();
    return parameters_.data();
  }

  // The weights in the order that the kernel for one sample reads.
  const Scalar* one_sample_weights() const {
    return one_sample_weights_.of(layout_, parameters_.data());
  }

  // For whoever computes with the network, on any thread.
  Scratch<Scalar>& scratch() const { return scratch_; }

 private:
  Architecture architecture_;
  Layout layout_;
  Buffer<Scalar> parameters_;
  mutable OneSampleWeights<Scalar> one_sample_weights_;
  mutable Scratch<Scalar> scratch_;
};

}  // namespace eigenmlp
