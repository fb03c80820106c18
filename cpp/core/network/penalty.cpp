#include "network/penalty.hpp"

#include "kernels/sums.hpp"
#include "system/subnormals.hpp"

namespace eigenmlp {

template <typename Scalar>
double penalty_of(const Network<Scalar>& network, double lambda, bool biases) {
  const FlushSubnormals flush;
  double squares = 0;
  for (const Layer& layer : network.layout().layers()) {
    squares += SquareSum::of(network.parameters() + layer.weights, layer.biases - layer.weights);
    if (!biases) continue;
    squares += SquareSum::of(network.parameters() + layer.biases, layer.fan_out);
    if (layer.hidden.normalization == Normalization::kNone) continue;
    squares += SquareSum::of(network.parameters() + layer.gains, 2 * layer.fan_out);
  }
  return lambda / 2 * squares;
}

template double penalty_of(const Network<float>&, double, bool);
template double penalty_of(const Network<double>&, double, bool);

}  // namespace eigenmlp
