#include "network/loss_gradient.hpp"

#include "network/batch.hpp"
#include "network/column_gradients.hpp"

namespace eigenmlp {

template <typename Scalar>
std::optional<LossSum> loss_and_gradient(const Network<Scalar>& network, const Samples& samples,
                                         const Order& order, const Loss& loss,
                                         const Penalty& penalty, const Place& place,
                                         const Threads& threads, const StopRequested& stop,
                                         Scalar* gradient, Scalar* statistics) {
  const Index n_samples = order.samples ? order.count : samples.inputs.count;
  const ThreadCount n_threads =
      threads_for<Scalar>(network.layout(), samples.inputs, n_samples, threads);
  const Order taken{order.samples, n_samples};
  BatchRunner<Scalar> runner(network, samples.inputs, taken, n_samples, n_threads.now(), stop);
  const Selection all{&samples.inputs, &samples, order.samples, 0, n_samples};
  const auto decay = static_cast<Scalar>(penalty.of(BatchRunner<Scalar>::weight_of(all)));
  const Pass<Scalar> pass{
      loss,      place.step.value_or(0), place.step.has_value(), place.first_sample, nullptr,
      statistics};

  const ColumnGradients<Scalar> columns{network.layout().layers().front(), network.parameters(),
                                        decay, gradient};
  LossSum result;
  Ending ending = Ending::kFinished;
  run_on_threads(n_threads.now(), [&](int thread) {
    LossSum sum;
    const Ending mine = runner.run(
        thread, all, pass, sum,
        [&](Index offset, Index count, const Scalar* piece, bool is_weight) {
          const Scalar lambda = is_weight || penalty.biases ? decay : Scalar(0);
          const Scalar* parameters = network.parameters() + offset;
          for (Index i = 0; i < count; ++i) {
            gradient[offset + i] = piece[i] + lambda * parameters[i];
          }
        },
        columns);
    if (thread == 0) {
      result = sum;
      ending = mine;
    }
  });
  if (ending == Ending::kStopped) return std::nullopt;
  return result;
}

#define EIGENMLP_INSTANTIATE(Scalar)                                                     \
  template std::optional<LossSum> loss_and_gradient(                                     \
      const Network<Scalar>&, const Samples&, const Order&, const Loss&, const Penalty&, \
      const Place&, const Threads&, const StopRequested&, Scalar*, Scalar*)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
