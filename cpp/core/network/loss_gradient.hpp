// The gradient of a whole data set's loss.
#pragma once

#include <optional>

#include "network/network.hpp"
#include "network/penalty.hpp"
#include "shapes/loss.hpp"
#include "shapes/order.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

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

}  // namespace eigenmlp
