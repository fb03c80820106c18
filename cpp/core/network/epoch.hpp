// What changes per batch: the epoch loop.
#pragma once

#include <limits>
#include <vector>

#include "network/network.hpp"
#include "network/penalty.hpp"
#include "shapes/loss.hpp"
#include "shapes/optimizer.hpp"
#include "shapes/order.hpp"
#include "shapes/types.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// Bounds of a step's gradient, penalty included: of each element, or of the norm of all.
struct Clipping {
  double value = std::numeric_limits<double>::infinity();
  double norm = std::numeric_limits<double>::infinity();
};

struct EpochSettings {
  Index batch_size = 1;
  // One for all; or one for each step; or one for each step and group of parameters: of the first
  // step all groups in the order of the buffer, each layer's weights, biases, gains and shifts.
  std::vector<double> learning_rates;
  Loss loss;
  Penalty penalty;
  Clipping clipping;
  bool objective = false;  // whether to measure EpochResult's objective and penalty
};

struct EpochResult {
  Ending ending = Ending::kFinished;
  LossSum sum;  // over the finished batches, as they passed, without penalty
  // If asked for: Σ over the finished batches of n_samples · (mean loss + penalty), and of
  // n_samples · penalty.
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

}  // namespace eigenmlp
