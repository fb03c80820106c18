#include "epoch.hpp"

#include <algorithm>
#include <cmath>

#include "batch.hpp"
#include "subnormals.hpp"
#include "threads.hpp"
#include "update.hpp"

namespace eigenmlp {

namespace {

// Forward and backward cost two operations a weight each, the gradient two more; the input layer
// needs no backward.
double flops_per_sample(const Layout& layout) {
  const Layer& first = layout.layers().front();
  return 2.0 * (3.0 * static_cast<double>(layout.n_parameters()) -
                static_cast<double>(first.fan_in * first.fan_out));
}

template <typename Scalar>
int threads_for(const Layout& layout, Index batch_size, const Threads& allowed) {
  // Threads wait for each other in every chunk.
  const Index samples = std::min(batch_size, kChunkSamples);
  const Index n_panels = divide_up(samples, kLanes<Scalar>);
  return choose_threads(allowed, n_panels * divide_up(layout.widest(), kTileRows),
                        flops_per_sample(layout) * static_cast<double>(samples));
}

// A sum that meets a NaN or an infinity never becomes finite again: x - x is 0 or NaN.
template <typename Scalar>
bool all_finite(const Scalar* values, Index count) {
  Scalar sum = 0;
  for (Index i = 0; i < count; ++i) sum += values[i] - values[i];
  return sum == 0;
}

}  // namespace

template <typename Scalar>
EpochResult train_epoch(Network<Scalar>& network, Optimizer<Scalar>& optimizer,
                        const Samples& samples, const Index* order, Index batch_size,
                        double learning_rate, const Penalty& penalty, const Threads& threads,
                        const StopRequested& stop) {
  const Index n_samples = samples.rows.count;
  batch_size = std::min(batch_size, n_samples);
  const int n_threads = threads_for<Scalar>(network.layout(), batch_size, threads);
  BatchRunner<Scalar> runner(network, batch_size, n_threads, stop);
  const auto decay = static_cast<Scalar>(penalty.lambda);
  const Scalar bias_decay = penalty.biases ? decay : Scalar(0);
  const std::int64_t clock = optimizer.clock();
  Scalar* const parameters = network.parameters();

  EpochResult result;
  run_on_threads(n_threads, [&](int thread) {
    std::int64_t steps = 0;
    for (Index first = 0; first < n_samples; first += batch_size, ++steps) {
      const Selection batch{&samples.rows, samples.labels, order, first,
                            std::min(batch_size, n_samples - first)};
      const StepSize<Scalar> size(optimizer, clock + steps, learning_rate);
      LossSum sum;
      const Ending ending = runner.run(
          thread, batch, sum, [&](Index offset, Index count, Scalar* gradient, bool is_bias) {
            update(optimizer, size, is_bias ? bias_decay : decay, offset, count, gradient,
                   parameters);
          });
      if (thread == 0) {
        result.ending = ending;
        if (ending == Ending::kFinished) {
          result.sum += sum;
          result.n_samples += batch.count;
          ++result.n_batches;
        }
      }
      if (ending != Ending::kFinished) return;
    }
  });
  optimizer.advance(result.n_batches);
  if (result.ending == Ending::kFinished &&
      !all_finite(parameters, network.layout().n_parameters())) {
    result.ending = Ending::kDiverged;
  }
  return result;
}

template <typename Scalar>
std::optional<LossSum> loss_and_gradient(const Network<Scalar>& network, const Samples& samples,
                                         const Penalty& penalty, const Threads& threads,
                                         const StopRequested& stop, Scalar* gradient) {
  const Index n_samples = samples.rows.count;
  const int n_threads = threads_for<Scalar>(network.layout(), n_samples, threads);
  BatchRunner<Scalar> runner(network, n_samples, n_threads, stop);
  const auto decay = static_cast<Scalar>(penalty.lambda);
  const Selection all{&samples.rows, samples.labels, nullptr, 0, n_samples};

  LossSum result;
  Ending ending = Ending::kFinished;
  run_on_threads(n_threads, [&](int thread) {
    LossSum sum;
    const Ending mine = runner.run(
        thread, all, sum, [&](Index offset, Index count, const Scalar* piece, bool is_bias) {
          const Scalar lambda = is_bias && !penalty.biases ? Scalar(0) : decay;
          const Scalar* parameters = network.parameters() + offset;
          for (Index i = 0; i < count; ++i) {
            gradient[offset + i] = piece[i] + lambda * parameters[i];
          }
        });
    if (thread == 0) {
      result = sum;
      ending = mine;
    }
  });
  if (ending == Ending::kStopped) return std::nullopt;
  return result;
}

template <typename Scalar>
double penalty_of(const Network<Scalar>& network, const Penalty& penalty) {
  const FlushSubnormals flush;
  double squares = 0;
  const auto add = [&](Index offset, Index count) {
    for (Index i = 0; i < count; ++i) {
      const auto value = static_cast<double>(network.parameters()[offset + i]);
      squares += value * value;
    }
  };
  for (const Layer& layer : network.layout().layers()) {
    add(layer.weights, layer.fan_in * layer.fan_out);
    if (penalty.biases) add(layer.biases, layer.fan_out);
  }
  return penalty.lambda / 2 * squares;
}

template EpochResult train_epoch(Network<float>&, Optimizer<float>&, const Samples&, const Index*,
                                 Index, double, const Penalty&, const Threads&,
                                 const StopRequested&);
template EpochResult train_epoch(Network<double>&, Optimizer<double>&, const Samples&, const Index*,
                                 Index, double, const Penalty&, const Threads&,
                                 const StopRequested&);
template std::optional<LossSum> loss_and_gradient(const Network<float>&, const Samples&,
                                                  const Penalty&, const Threads&,
                                                  const StopRequested&, float*);
template std::optional<LossSum> loss_and_gradient(const Network<double>&, const Samples&,
                                                  const Penalty&, const Threads&,
                                                  const StopRequested&, double*);
template double penalty_of(const Network<float>&, const Penalty&);
template double penalty_of(const Network<double>&, const Penalty&);

}  // namespace eigenmlp
