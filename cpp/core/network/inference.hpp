// Predictions and scores of a network that stays as it is.
#pragma once

#include <optional>

#include "network/network.hpp"
#include "shapes/loss.hpp"
#include "shapes/types.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// outputs: inputs.count × n_outputs, NaN where a sample has no finite ones. False if stopped.
template <typename Scalar>
bool predict_outputs(const Network<Scalar>& network, const Table& inputs, const Threads& threads,
                     const StopRequested& stop, Scalar* outputs);

// classes: inputs.count indices, the first largest output of each sample, or -1 where one is not
// finite. False if stopped.
template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Table& inputs, const Threads& threads,
                     const StopRequested& stop, std::int64_t* classes);

// Loss, without penalty, and hits over all samples. Empty if stopped.
template <typename Scalar>
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Samples& samples,
                                const Loss& loss, const Threads& threads,
                                const StopRequested& stop);

}  // namespace eigenmlp
