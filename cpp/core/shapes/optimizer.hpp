// The state of an update rule: its constants, its moments and its clock.
#pragma once

#include <algorithm>
#include <vector>

#include "shapes/buffer.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

enum class Rule { kSgd, kMomentum, kAdam };

struct RuleConstants {
  Rule rule = Rule::kSgd;
  double momentum = 0.9;  // of kMomentum
  bool nesterov = false;
  double beta1 = 0.9;  // of kAdam
  double beta2 = 0.999;
  double epsilon = 1e-8;
  // Whether ε is added before the second moment's bias is corrected (Kingma & Ba's ε̂).
  bool epsilon_hat = false;
  bool amsgrad = false;
  // λ of θ ← θ - ηλθ before each step (AdamW); also for biases, gains and shifts?
  double weight_decay = 0;
  bool decay_biases = false;
};

template <typename Scalar>
class Optimizer {
 public:
  // Plain gradient descent.
  Optimizer() = default;
  // For a network of n_parameters, its moments zero.
  Optimizer(const RuleConstants& constants, Index n_parameters) : constants_(constants) {
    const std::size_t n_moments = constants.rule == Rule::kSgd        ? 0
                                  : constants.rule == Rule::kMomentum ? 1
                                  : constants.amsgrad                 ? 3
                                                                      : 2;
    for (std::size_t i = 0; i < n_moments; ++i) moments_.emplace_back(n_parameters);
  }

  const RuleConstants& constants() const { return constants_; }
  // kMomentum: the velocity; kAdam: the first and the second moment, and the largest second.
  std::vector<Buffer<Scalar>>& moments() { return moments_; }
  const std::vector<Buffer<Scalar>>& moments() const { return moments_; }

  // Parameters that the moments belong to; 0 for a rule without any.
  Index n_parameters() const { return moments_.empty() ? 0 : moments_[0].size(); }

  // Finished steps. The clock advances once a step, whatever the number of layers or threads.
  std::int64_t clock() const { return clock_; }
  void advance(std::int64_t steps) { clock_ += steps; }

  // Back to the state before the first step.
  void reset() {
    for (Buffer<Scalar>& moments : moments_) {
      std::fill(moments.begin(), moments.end(), Scalar(0));
    }
    clock_ = 0;
  }

 private:
  RuleConstants constants_;
  std::vector<Buffer<Scalar>> moments_;
  std::int64_t clock_ = 0;
};

}  // namespace eigenmlp
