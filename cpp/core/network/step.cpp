#include "network/step.hpp"

#include "kernels/normalization.hpp"
#include "kernels/sums.hpp"
#include "kernels/update.hpp"
#include "network/moments.hpp"
#include "system/subnormals.hpp"

namespace eigenmlp {

template <typename Scalar>
void step(Network<Scalar>& network, Optimizer<Scalar>& optimizer, double learning_rate,
          Scalar* gradient, const Scalar* statistics) {
  const FlushSubnormals flush;
  lay_as_parameters(optimizer, 1);
  const Layout& layout = network.layout();
  const Step<Scalar> rule(optimizer.rule(), optimizer.clock(), learning_rate);
  Scalar* const parameters = network.parameters();
  const auto move = [&](Index begin, Index end, bool is_weight) {
    update(optimizer, rule, Scalar(0), is_weight, begin, end - begin, gradient + begin, parameters);
  };
  for (std::size_t l = 0; l < layout.layers().size(); ++l) {
    const Layer& layer = layout.layers()[l];
    const bool last = l + 1 == layout.layers().size();
    move(layer.weights, layer.biases, true);
    move(layer.biases, last ? layout.n_parameters() : layout.layers()[l + 1].weights, false);
    if (statistics && layer.hidden.normalization == Normalization::kBatch) {
      update_running(layer, statistics + layer.means, statistics + layer.variances, parameters);
    }
  }
  optimizer.advance(1);
}

template <typename Scalar>
bool is_finite(const Network<Scalar>& network, const Optimizer<Scalar>& optimizer) {
  if (!all_finite(network.parameters(), network.layout().n_values())) return false;
  const auto& moments = optimizer.moments();
  for (std::size_t i = 1; i < moments.size(); ++i) {
    if (!all_finite(moments[i].data(), moments[i].size())) return false;
  }
  return true;
}

#define EIGENMLP_INSTANTIATE(Scalar)                                                        \
  template void step(Network<Scalar>&, Optimizer<Scalar>&, double, Scalar*, const Scalar*); \
  template bool is_finite(const Network<Scalar>&, const Optimizer<Scalar>&)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
