// Update rules. They work on any range of the flat parameter buffer; the learning rate is an
// argument of the step, never hidden state, so that every schedule works with every rule.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "optimizer.hpp"
#include "types.hpp"

namespace eigenmlp {

namespace detail {

// Parameters handled together, so that the passes of one update meet in the first-level cache.
inline constexpr Index kUpdateBlock = 1024;

template <typename Scalar>
using Values = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;

}  // namespace detail

// One step's numbers, derived once a step from the rule and its clock.
template <typename Scalar>
struct StepSize {
  // clock: steps finished before this one.
  StepSize(const Optimizer<Scalar>& optimizer, std::int64_t clock, double learning_rate) {
    if (optimizer.rule() == Rule::kSgd) {
      step = static_cast<Scalar>(learning_rate);
      return;
    }
    const auto t = static_cast<double>(clock + 1);
    const AdamConstants& adam = optimizer.constants();
    step = static_cast<Scalar>(learning_rate / (1 - std::pow(adam.beta1, t)));
    root = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(adam.beta2, t)));
  }

  Scalar step;     // η, or η / (1 - β1^t)
  Scalar root{1};  // 1 / √(1 - β2^t)
};

// Updates parameters [offset, offset + count); decay is λ of the penalty's gradient λθ.
// gradient: the count values of ∂L/∂θ; holds ∂L/∂θ + λθ on return.
//   SGD:   θ ← θ - η g
//   Adam:  m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
//          θ ← θ - η/(1-β1^t) · m / (√v · 1/√(1-β2^t) + ε)
template <typename Scalar>
void update(Optimizer<Scalar>& optimizer, const StepSize<Scalar>& size, Scalar decay, Index offset,
            Index count, Scalar* gradient, Scalar* parameters) {
  using detail::Values;
  const AdamConstants& adam = optimizer.constants();
  const auto beta1 = static_cast<Scalar>(adam.beta1);
  const auto beta2 = static_cast<Scalar>(adam.beta2);
  const auto rest1 = static_cast<Scalar>(1 - adam.beta1);
  const auto rest2 = static_cast<Scalar>(1 - adam.beta2);
  const auto epsilon = static_cast<Scalar>(adam.epsilon);
  for (Index done = 0; done < count; done += detail::kUpdateBlock) {
    const Index n = std::min(detail::kUpdateBlock, count - done);
    const Index at = offset + done;
    Values<Scalar> g(gradient + done, n);
    Values<Scalar> theta(parameters + at, n);
    if (decay != 0) g += decay * theta;
    if (optimizer.rule() == Rule::kSgd) {
      theta -= size.step * g;
    } else {
      Values<Scalar> m(optimizer.first_moments() + at, n);
      Values<Scalar> v(optimizer.second_moments() + at, n);
      m = beta1 * m + rest1 * g;
      v = beta2 * v + rest2 * g.square();
      theta -= size.step * m / (v.sqrt() * size.root + epsilon);
    }
  }
}

}  // namespace eigenmlp
