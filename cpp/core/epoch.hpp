// What changes per batch: the epoch loop, and the gradient of a whole data set.
#pragma once

#include <optional>

#include "network.hpp"
#include "optimizer.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace eigenmlp {

// Rows and labels of equal count, every label below the network's n_classes.
struct Samples {
  Rows rows;
  const Label* labels;
};

// λ of the penalty (λ/2) Σ ‖W‖², whose gradient is λW; with `biases`, also of theirs.
struct Penalty {
  double lambda = 0;
  bool biases = false;
};

enum class Ending { kFinished, kStopped, kDiverged };

struct EpochResult {
  Ending ending = Ending::kFinished;
  LossSum sum;          // over the finished batches, as they passed, without penalty
  Index n_samples = 0;  // in the finished batches
  Index n_batches = 0;  // finished
};

// One pass over the samples in the order given (null: as they lie) in batches of batch_size, the
// last one shorter. Stopped, the network holds the parameters of the last finished batch. Diverged,
// it holds those before the batch whose loss was not finite.
template <typename Scalar>
EpochResult train_epoch(Network<Scalar>& network, Optimizer<Scalar>& optimizer,
                        const Samples& samples, const Index* order, Index batch_size,
                        double learning_rate, const Penalty& penalty, const Threads& threads,
                        const StopRequested& stop);

// The mean loss with penalty over all samples and its gradient, in the parameters' layout.
// Empty if stopped. The gradient is left alone if the loss is not finite.
template <typename Scalar>
std::optional<LossSum> loss_and_gradient(const Network<Scalar>& network, const Samples& samples,
                                         const Penalty& penalty, const Threads& threads,
                                         const StopRequested& stop, Scalar* gradient);

// (λ/2) Σ ‖W‖², and of the biases too where the penalty says so.
template <typename Scalar>
double penalty_of(const Network<Scalar>& network, const Penalty& penalty);

}  // namespace eigenmlp
