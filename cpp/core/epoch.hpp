// What changes per batch: the epoch loop, and the gradient of a whole data set.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "loss.hpp"
#include "network.hpp"
#include "optimizer.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace eigenmlp {

// λ of the penalty (λ/2) Σ ‖W‖², whose gradient is λW.
struct Penalty {
  double lambda = 0;
  bool biases = false;   // also of biases, gains and shifts
  bool divided = false;  // λ divided by each batch's weight

  double of(double weight) const { return divided ? lambda / weight : lambda; }
};

// Bounds of a step's gradient, penalty included: of each element, or of the norm of all.
struct Clipping {
  double value = std::numeric_limits<double>::infinity();
  double norm = std::numeric_limits<double>::infinity();
};

// The samples that an epoch takes, by their rows.
struct Order {
  const Index* rows = nullptr;  // null: all, as they lie
  Index count = 0;
};

struct EpochSettings {
  Index batch_size = 1;
  std::vector<double> learning_rates;  // one for all steps, or one each
  Loss loss;
  Penalty penalty;
  Clipping clipping;
  bool objective = false;  // whether to measure EpochResult's objective and penalty
};

enum class Ending { kFinished, kStopped, kDiverged };

struct EpochResult {
  Ending ending = Ending::kFinished;
  LossSum sum;  // over the finished batches, as they passed, without penalty
  // If asked for, Σ over them of their samples times (mean loss + penalty), and times penalty.
  double objective = 0;
  double penalty = 0;
  Index n_samples = 0;  // in the finished batches
  Index n_batches = 0;  // finished
};

// One pass over the samples in batches of batch_size, the last one shorter. Stopped, the network
// holds the parameters of the last finished batch. Diverged, it holds those before the batch whose
// loss was not finite.
template <typename Scalar>
EpochResult train_epoch(Network<Scalar>& network, Optimizer<Scalar>& optimizer,
                        const Samples& samples, const Order& order, const EpochSettings& settings,
                        const Threads& threads, const StopRequested& stop);

// The loss, without penalty, of the samples and the gradient of its mean with penalty, in the
// parameters' layout; normalized by the samples' own statistics, and with the units dropped that
// training would drop in this step, if there is one. Empty if stopped. The gradient is left alone
// if the loss is not finite.
template <typename Scalar>
std::optional<LossSum> loss_and_gradient(const Network<Scalar>& network, const Samples& samples,
                                         const Order& order, const Loss& loss,
                                         const Penalty& penalty,
                                         std::optional<std::int64_t> dropout_step,
                                         const Threads& threads, const StopRequested& stop,
                                         Scalar* gradient);

// (λ/2) Σ ‖W‖², with `biases` also of biases, gains and shifts.
template <typename Scalar>
double penalty_of(const Network<Scalar>& network, double lambda, bool biases);

}  // namespace eigenmlp
