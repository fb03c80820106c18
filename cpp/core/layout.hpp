// The one place that knows where a layer's weights and biases lie in the flat parameter buffer.
#pragma once

#include <vector>

#include "types.hpp"

namespace eigenmlp {

// Weights are stored fan_out × fan_in, row by row (so that a forward pass streams them), then the
// fan_out biases. Gradients, moments and checkpoints share this layout.
struct Layer {
  Index fan_in;
  Index fan_out;
  Index weights;  // offset of the first weight
  Index biases;   // offset of the first bias
};

class Layout {
 public:
  // sizes: units of the input, of each hidden layer and of the output; at least two, all positive.
  // Throws std::invalid_argument otherwise and std::bad_alloc when no memory could hold them.
  explicit Layout(std::vector<Index> sizes);

  const std::vector<Index>& sizes() const { return sizes_; }
  const std::vector<Layer>& layers() const { return layers_; }
  Index n_parameters() const { return n_parameters_; }
  Index n_features() const { return sizes_.front(); }
  Index n_classes() const { return sizes_.back(); }
  Index widest() const;

 private:
  std::vector<Index> sizes_;
  std::vector<Layer> layers_;
  Index n_parameters_ = 0;
};

}  // namespace eigenmlp
