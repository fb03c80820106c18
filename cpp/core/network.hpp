// The model: an architecture and its parameters.
#pragma once

#include <utility>
#include <vector>

#include "buffer.hpp"
#include "layout.hpp"
#include "row_weights.hpp"
#include "scratch.hpp"

namespace eigenmlp {

// A dense network: ReLU after every hidden layer, softmax after the last. Inputs are multiplied by
// input_scale before the first layer.
template <typename Scalar>
class Network {
 public:
  Network(std::vector<Index> sizes, double input_scale)
      : layout_(std::move(sizes)), input_scale_(input_scale), parameters_(layout_.n_parameters()) {}

  const Layout& layout() const { return layout_; }
  double input_scale() const { return input_scale_; }
  const Scalar* parameters() const { return parameters_.data(); }
  // To change them before the next prediction.
  Scalar* parameters() {
    row_weights_.forget();
    return parameters_.data();
  }

  // The weights as one sample alone wants them.
  const Scalar* row_weights() const { return row_weights_.of(layout_, parameters_.data()); }

  // For whoever computes with the network, on any thread.
  Scratch<Scalar>& scratch() const { return scratch_; }

 private:
  Layout layout_;
  double input_scale_;
  Buffer<Scalar> parameters_;
  mutable RowWeights<Scalar> row_weights_;
  mutable Scratch<Scalar> scratch_;
};

}  // namespace eigenmlp
