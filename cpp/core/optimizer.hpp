// The state of an update rule: its constants, its moments and its clock.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "types.hpp"

namespace eigenmlp {

enum class Rule { kSgd, kAdam };

struct AdamConstants {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

template <typename Scalar>
class Optimizer {
 public:
  // Plain gradient descent, without state.
  Optimizer() = default;
  // Adam for a network of n_parameters, its moments zero.
  Optimizer(const AdamConstants& constants, Index n_parameters)
      : rule_(Rule::kAdam),
        constants_(constants),
        first_moments_(n_parameters),
        second_moments_(n_parameters) {}

  Rule rule() const { return rule_; }
  const AdamConstants& constants() const { return constants_; }
  Scalar* first_moments() { return first_moments_.data(); }
  Scalar* second_moments() { return second_moments_.data(); }

  // Parameters that the moments belong to; 0 for a rule without state.
  Index n_parameters() const { return first_moments_.size(); }

  // Finished steps. The clock advances once a step, whatever the number of layers or threads.
  std::int64_t clock() const { return clock_; }
  void advance(std::int64_t steps) { clock_ += steps; }

  // Back to the state before the first step.
  void reset() {
    std::fill(first_moments_.begin(), first_moments_.end(), Scalar(0));
    std::fill(second_moments_.begin(), second_moments_.end(), Scalar(0));
    clock_ = 0;
  }

 private:
  Rule rule_ = Rule::kSgd;
  AdamConstants constants_;
  Buffer<Scalar> first_moments_;
  Buffer<Scalar> second_moments_;
  std::int64_t clock_ = 0;
};

}  // namespace eigenmlp
