// The model: an architecture and its parameters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "network/one_sample_weights.hpp"
#include "network/weights_by_input.hpp"
#include "shapes/buffer.hpp"
#include "shapes/layout.hpp"
#include "shapes/scratch.hpp"
#include "shapes/stored.hpp"

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
    by_input_.forget();
    return parameters_.data();
  }

  // The weights in the order that the kernel for one sample reads.
  const Scalar* one_sample_weights() const {
    return one_sample_weights_.of(layout_, parameters_.data());
  }

  // The first layer's weights for sparse inputs with so many stored numbers: input by input if they
  // lie so already or the walk over the inputs is worth a copy of all weights.
  FirstWeights<Scalar> first_weights(Index n_stored) const {
    constexpr Index kWorthACopy = 16;
    const Layer& first = layout_.layers().front();
    if (by_input_.current() || n_stored > first.fan_in / kWorthACopy) {
      return {by_input_.of(first, parameters_.data()), true};
    }
    return {parameters_.data() + first.weights, false};
  }

  // The first layer's weights input by input, to change them in place of those in the layout, which
  // they are written back to at the end; and all other parameters, beside it. In between,
  // parameters() isn't called.
  Scalar* first_weights_to_change() {
    one_sample_weights_.forget();
    return by_input_.of(layout_.layers().front(), parameters_.data());
  }
  Scalar* other_parameters_to_change() {
    one_sample_weights_.forget();
    return parameters_.data();
  }
  // The other way round: brings that copy up to date with the layout, where it was.
  void copy_first_weights() {
    by_input_.forget();
    by_input_.of(layout_.layers().front(), parameters_.data());
  }
  // Of a share of the inputs; several threads may do so at once.
  void write_back_first_weights(Share inputs) {
    by_input_.write_back(layout_.layers().front(), inputs, parameters_.data());
  }

  // For whoever computes with the network, on any thread.
  Scratch<Scalar>& scratch() const { return scratch_; }

 private:
  Architecture architecture_;
  Layout layout_;
  Buffer<Scalar> parameters_;
  mutable OneSampleWeights<Scalar> one_sample_weights_;
  mutable WeightsByInput<Scalar> by_input_;
  mutable Scratch<Scalar> scratch_;
};

}  // namespace eigenmlp
