// The gradient of the first layer's weights as they lie in the layout, where the inputs are sparse.
#pragma once

#include <algorithm>

#include "shapes/layout.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// gradient = ∂L/∂W + λW, which is λW alone for inputs that no sample has. Each thread has a share
// of the inputs.
template <typename Scalar>
struct ColumnGradients {
  const Layer& layer;
  const Scalar* parameters;
  Scalar decay;
  Scalar* gradient;

  void fetch(Index) const {}
  void prepare(int, Index) const {}

  void start(const Share& columns) const {
    for (Index output = 0; output < layer.fan_out; ++output) {
      const Index row = layer.weights + output * layer.fan_in;
      for (Index at = row + columns.begin; at < row + columns.end; ++at) {
        gradient[at] = Scalar(0) + decay * parameters[at];
      }
    }
  }

  // values: fan_out
  void take(int, Index column, const Scalar* values) const {
    for (Index output = 0; output < layer.fan_out; ++output) {
      const Index at = layer.weights + output * layer.fan_in + column;
      gradient[at] = values[output] + decay * parameters[at];
    }
  }
};

// Of dense inputs there are none.
struct NoColumns {
  void fetch(Index) const {}
  void prepare(int, Index) const {}
  void start(const Share&) const {}
  template <typename Scalar>
  void take(int, Index, Scalar*) const {}
};

}  // namespace eigenmlp
