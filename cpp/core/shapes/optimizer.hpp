// The update rules and what they remember.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "shapes/buffer.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// A struct per update rule: its constants, and how many moments it keeps for each parameter, from
// kFewestMoments to kMostMoments by its constants. The first moment is of gradients, any further
// ones of their squares.

// Plain gradient descent.
struct Sgd {
  static constexpr std::size_t kFewestMoments = 0;
  static constexpr std::size_t kMostMoments = 0;
  std::size_t n_moments() const { return 0; }
};

// Gradient descent that keeps a velocity.
struct Momentum {
  static constexpr std::size_t kFewestMoments = 1;
  static constexpr std::size_t kMostMoments = 1;
  std::size_t n_moments() const { return 1; }

  double momentum = 0.9;
  bool nesterov = false;
};

// What the rules with a mean of gradients and one of their squares share.
struct TwoMoments {
  static constexpr std::size_t kFewestMoments = 2;
  static constexpr std::size_t kMostMoments = 3;
  std::size_t n_moments() const { return amsgrad ? 3 : 2; }

  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  bool amsgrad = false;  // keeps the largest second moment as well
};

struct Adam : TwoMoments {
  // Whether ε is added before the second moment's bias is corrected (Kingma & Ba's ε̂).
  bool epsilon_hat = false;
};

struct AdamW : TwoMoments {
  double weight_decay = 0.01;  // λ of θ ← θ - ηλθ before each step
  bool decay_biases = false;   // and gains and shifts
};

using Rule = std::variant<Sgd, Momentum, Adam, AdamW>;

// First-layer weights (fan_in × fan_out) whose moments lie input by input; 0 × 0 where all lie as
// the parameters do.
struct ByInput {
  Index fan_in = 0;
  Index fan_out = 0;
};

// The state of a rule: its moments and its clock.
template <typename Scalar>
class Optimizer {
 public:
  // Plain gradient descent.
  Optimizer() = default;
  // For a network of n_parameters, its moments zero.
  Optimizer(const Rule& rule, Index n_parameters) : rule_(rule) {
    const std::size_t n = std::visit([](const auto& kind) { return kind.n_moments(); }, rule);
    for (std::size_t i = 0; i < n; ++i) moments_.emplace_back(n_parameters);
  }

  const Rule& rule() const { return rule_; }
  std::vector<Buffer<Scalar>>& moments() { return moments_; }
  const std::vector<Buffer<Scalar>>& moments() const { return moments_; }

  // Parameters that the moments belong to; 0 for a rule without any.
  Index n_parameters() const { return moments_.empty() ? 0 : moments_[0].size(); }

  // Finished steps. The clock advances once per step, whatever the number of layers or threads.
  std::int64_t clock() const { return clock_; }
  void advance(std::int64_t steps) { clock_ += steps; }

  // How the moments lie: see network/moments.hpp.
  ByInput by_input() const { return by_input_; }
  void set_by_input(const ByInput& by_input) { by_input_ = by_input; }

  // Back to the state before the first step.
  void reset() {
    by_input_ = {};
    for (Buffer<Scalar>& moments : moments_) {
      std::fill(moments.begin(), moments.end(), Scalar(0));
    }
    clock_ = 0;
  }

 private:
  Rule rule_;
  std::vector<Buffer<Scalar>> moments_;
  std::int64_t clock_ = 0;
  ByInput by_input_;
};

}  // namespace eigenmlp
