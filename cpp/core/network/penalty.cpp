#include "network/penalty.hpp"

#include "kernels/sums.hpp"
#include "system/subnormals.hpp"

namespace eigenmlp {

template <typename Scalar>
double first_squares(const Network<Scalar>& network) {
  const FlushSubnormals flush;
  const Layer& first = network.layout().layers().front();
  return squares_by_input(network.parameters() + first.weights, first.fan_out, first.fan_in);
}

template <typename Scalar>
double other_squares(const Network<Scalar>& network, bool biases) {
  const FlushSubnormals flush;
  const std::vector<Layer>& layers = network.layout().layers();
  double squares = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    if (l > 0) {
      squares += SquareSum::of(network.parameters() + layer.weights, layer.biases - layer.weights);
    }
    if (!biases) continue;
    squares += SquareSum::of(network.parameters() + layer.biases, layer.fan_out);
    if (layer.hidden.normalization == Normalization::kNone) continue;
    squares += SquareSum::of(network.parameters() + layer.gains, 2 * layer.fan_out);
  }
  return squares;
}

template <typename Scalar>
double penalty_of(const Network<Scalar>& network, double lambda, bool biases) {
  return lambda / 2 * (other_squares(network, biases) + first_squares(network));
}

#define EIGENMLP_INSTANTIATE(Scalar)                           \
  template double first_squares(const Network<Scalar>&);       \
  template double other_squares(const Network<Scalar>&, bool); \
  template double penalty_of(const Network<Scalar>&, double, bool)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
