// Predictions and scores of a network that stays as it is.
#pragma once

#include <optional>

#include "network/network.hpp"
#include "shapes/loss.hpp"
#include "shapes/types.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// outputs: rows.count × n_outputs, NaN where a row has no finite ones. False if stopped.
template <typename Scalar>
bool predict_outputs(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                     const StopRequested& stop, Scalar* outputs);

// classes: rows.count indices, the first largest output of each row, or -1 where one is not finite.
// False if stopped.
template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                     const StopRequested& stop, std::int64_t* classes);

// Loss, without penalty, and hits over all samples. Empty if stopped.
template <typename Scalar>
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Samples& samples,
                                const Loss& loss, const Threads& threads,
                                const StopRequested& stop);

}  // namespace eigenmlp
