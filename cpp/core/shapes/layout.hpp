// The one place that knows where a layer's numbers lie in the flat parameter buffer.
#pragma once

#include <vector>

#include "shapes/architecture.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// Weights are stored fan_out × fan_in, row by row (so that a forward pass streams them), then the
// fan_out biases, and after a normalization fan_out gains and fan_out shifts. Gradients, moments
// and checkpoints share this layout. The running statistics of batch normalization, which no
// gradient changes, lie behind all parameters.
struct Layer {
  Index fan_in;
  Index fan_out;
  Index weights;        // offset of the first weight
  Index biases;         // offset of the first bias
  Index gains = 0;      // offset of the first gain; of a normalized layer
  Index shifts = 0;     // offset of the first shift; of a normalized layer
  Index means = 0;      // offset of the first running mean; of a batch-normalized layer
  Index variances = 0;  // offset of the first running variance; of a batch-normalized layer
  HiddenLayer hidden;   // what follows the products; of the last layer, nothing
};

class Layout {
 public:
  // Throws std::invalid_argument for sizes that no network can have, and std::bad_alloc where no
  // memory could hold them.
  explicit Layout(const Architecture& architecture);

  const std::vector<Index>& sizes() const { return sizes_; }
  const std::vector<Layer>& layers() const { return layers_; }
  // The number of values that gradients change; and of all, the running statistics included.
  Index n_parameters() const { return n_parameters_; }
  Index n_values() const { return n_values_; }
  Index n_features() const { return sizes_.front(); }
  Index n_outputs() const { return sizes_.back(); }
  Index widest() const;
  // The most units of a layer above the input.
  Index widest_above() const;
  // Whether a layer is normalized at all, or by batches.
  bool normalized() const;
  bool batch_normalized() const;

 private:
  std::vector<Index> sizes_;
  std::vector<Layer> layers_;
  Index n_parameters_ = 0;
  Index n_values_ = 0;
};

}  // namespace eigenmlp
