// The gradient of a whole data set's loss.
#pragma once

#include <optional>

#include "network/network.hpp"
#include "network/penalty.hpp"
#include "shapes/loss.hpp"
#include "shapes/order.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// Where samples stand in training, which picks their masks of dropout: in which step, if any units
// are to be dropped, and after how many samples of its batch.
struct Place {
  std::optional<std::int64_t> step;
  Index first_sample = 0;
};

// The loss, without penalty, of the samples and the gradient of its mean with penalty, in the
// parameters' layout; normalized by the samples' own statistics, which are left in the places of
// the running ones if there is room for them: n_values, the gradient's place or another. Empty if
// stopped. The gradient is left alone if the loss is not finite.
template <typename Scalar>
std::optional<LossSum> loss_and_gradient(const Network<Scalar>& network, const Samples& samples,
                                         const Order& order, const Loss& loss,
                                         const Penalty& penalty, const Place& place,
                                         const Threads& threads, const StopRequested& stop,
                                         Scalar* gradient, Scalar* statistics = nullptr);

}  // namespace eigenmlp
