// Predictions and scores of a network that stays as it is.
#pragma once

#include <optional>

#include "network.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace eigenmlp {

// probabilities: rows.count × n_classes. False if stopped.
template <typename Scalar>
bool predict_probabilities(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                           const StopRequested& stop, Scalar* probabilities);

// classes: rows.count indices, the first largest logit of each row, or -1 where a logit is not
// finite. False if stopped.
template <typename Scalar>
bool predict_classes(const Network<Scalar>& network, const Rows& rows, const Threads& threads,
                     const StopRequested& stop, std::int64_t* classes);

// Summed cross-entropy, without penalty, and hits over all rows. Empty if stopped.
template <typename Scalar>
std::optional<LossSum> evaluate(const Network<Scalar>& network, const Rows& rows,
                                const Label* labels, const Threads& threads,
                                const StopRequested& stop);

// Index of the first row with an element that is NaN, infinite or beyond the range of Scalar;
// rows.count if there is none.
template <typename Scalar>
Index first_bad_row(const Rows& rows);

}  // namespace eigenmlp
