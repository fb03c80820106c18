// Update rules. They work on any range of the flat parameter buffer; the learning rate is an
// argument of the step, never hidden state, so that every schedule works with every rule.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <type_traits>
#include <vector>

#include "kernels/simd.hpp"
#include "shapes/buffer.hpp"
#include "shapes/optimizer.hpp"

namespace eigenmlp {

// base^exponent by repeated squaring: the C library's pow differs between processors and systems.
inline double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

// One step's numbers, derived once a step from the rule and its clock.
template <typename Scalar>
struct StepSize {
  // clock: steps finished before this one.
  StepSize(const Optimizer<Scalar>& optimizer, std::int64_t clock, double learning_rate) {
    const RuleConstants& rule = optimizer.constants();
    double size = learning_rate;
    if (rule.rule == Rule::kAdam) {
      const std::int64_t t = clock + 1;
      const double correction = std::sqrt(1 - power(rule.beta2, t));
      size = learning_rate / (1 - power(rule.beta1, t));
      if (rule.epsilon_hat) {
        size *= correction;
      } else {
        root = static_cast<Scalar>(1 / correction);
      }
      kept = static_cast<Scalar>(1 - learning_rate * rule.weight_decay);
    }
    step = static_cast<Scalar>(size);
  }

  Scalar step;     // η, or η / (1 - β1^t), with epsilon_hat times √(1 - β2^t)
  Scalar root{1};  // 1 / √(1 - β2^t), or 1 with epsilon_hat
  Scalar kept{1};  // 1 - ηλ of decoupled decay
};

namespace detail {

// Calls body with pointers to each vector of the streams, all of `count` values. What is left at
// the end passes through padded copies, so that every value takes the same instructions.
template <typename Scalar, std::size_t kStreams, typename Body>
EIGEN_STRONG_INLINE void for_each_vector(Index count, std::array<Scalar*, kStreams> streams,
                                         Body&& body) {
  constexpr Index width = kWidth<Scalar>;
  for (; count >= width; count -= width) {
    body(streams);
    for (Scalar*& stream : streams) stream += width;
  }
  if (count == 0) return;
  Scalar copies[kStreams][width] = {};
  std::array<Scalar*, kStreams> padded;
  for (std::size_t s = 0; s < kStreams; ++s) {
    padded[s] = std::copy_n(streams[s], count, copies[s]) - count;
  }
  body(padded);
  for (std::size_t s = 0; s < kStreams; ++s) std::copy_n(copies[s], count, streams[s]);
}

// kMore: with decoupled decay or AMSGrad.
template <bool kMore, typename Scalar>
void adam(Optimizer<Scalar>& optimizer, const StepSize<Scalar>& size, Scalar decay, bool is_weight,
          Index offset, Index count, Scalar* gradient, Scalar* theta) {
  using Vector = Packet<Scalar>;
  const RuleConstants& rule = optimizer.constants();
  const Vector lambda = broadcast(decay);
  const Vector step = broadcast(size.step);
  const Vector beta1 = broadcast(static_cast<Scalar>(rule.beta1));
  const Vector beta2 = broadcast(static_cast<Scalar>(rule.beta2));
  const Vector rest1 = broadcast(static_cast<Scalar>(1 - rule.beta1));
  const Vector rest2 = broadcast(static_cast<Scalar>(1 - rule.beta2));
  const Vector epsilon = broadcast(static_cast<Scalar>(rule.epsilon));
  const Vector root = broadcast(size.root);
  const Vector kept = broadcast(is_weight || rule.decay_biases ? size.kept : Scalar(1));
  const bool amsgrad = kMore && rule.amsgrad;
  std::vector<Buffer<Scalar>>& moments = optimizer.moments();
  const auto body = [&](const auto& at) {
    const Vector value = load_unaligned(at[1]);
    const Vector g = pmadd(lambda, value, load_unaligned(at[0]));
    const Vector m = pmadd(beta1, load_unaligned(at[2]), pmul(rest1, g));
    Vector v = pmadd(beta2, load_unaligned(at[3]), pmul(rest2, pmul(g, g)));
    pstoreu(at[2], m);
    pstoreu(at[3], v);
    if constexpr (std::tuple_size_v<std::decay_t<decltype(at)>> == 5) {
      v = pmax(v, load_unaligned(at[4]));
      pstoreu(at[4], v);
    }
    const Vector denominator = pmadd(square_root(v), root, epsilon);
    const Vector before = kMore ? pmul(kept, value) : value;
    pstoreu(at[1], psub(before, pdiv(pmul(step, m), denominator)));
  };
  Scalar* const first = moments[0].data() + offset;
  Scalar* const second = moments[1].data() + offset;
  if constexpr (kMore) {
    if (amsgrad) {
      return for_each_vector<Scalar, 5>(
          count, {gradient, theta, first, second, moments[2].data() + offset}, body);
    }
  }
  for_each_vector<Scalar, 4>(count, {gradient, theta, first, second}, body);
}

}  // namespace detail

// Updates the `count` parameters θ at `offset` of the flat buffer, given their gradient ∂L/∂θ;
// decay is λ of the penalty, so that g = ∂L/∂θ + λθ.
//   SGD:       θ ← θ - η g
//   Momentum:  v ← μ v - η g;  θ ← θ + v, or with Nesterov's θ ← θ + μ v - η g
//   Adam:      m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
//              θ ← θ - η/(1-β1^t) · m / (√v · 1/√(1-β2^t) + ε)
//              with AMSGrad the largest v so far takes the place of v; with decoupled decay θ is
//              first multiplied by 1 - ηλ
template <typename Scalar>
void update(Optimizer<Scalar>& optimizer, const StepSize<Scalar>& size, Scalar decay,
            bool is_weight, Index offset, Index count, Scalar* gradient, Scalar* parameters) {
  using Vector = Packet<Scalar>;
  const RuleConstants& rule = optimizer.constants();
  Scalar* theta = parameters + offset;
  if (rule.rule == Rule::kAdam) {
    if (rule.amsgrad || rule.weight_decay != 0) {
      return detail::adam<true>(optimizer, size, decay, is_weight, offset, count, gradient, theta);
    }
    return detail::adam<false>(optimizer, size, decay, is_weight, offset, count, gradient, theta);
  }
  const Vector lambda = broadcast(decay);
  const Vector step = broadcast(size.step);
  if (rule.rule == Rule::kSgd) {
    detail::for_each_vector<Scalar, 2>(count, {gradient, theta}, [&](const auto& at) {
      const Vector value = load_unaligned(at[1]);
      const Vector g = pmadd(lambda, value, load_unaligned(at[0]));
      pstoreu(at[1], psub(value, pmul(step, g)));
    });
    return;
  }
  const Vector momentum = broadcast(static_cast<Scalar>(rule.momentum));
  const bool nesterov = rule.nesterov;
  detail::for_each_vector<Scalar, 3>(
      count, {gradient, theta, optimizer.moments()[0].data() + offset}, [&](const auto& at) {
        const Vector value = load_unaligned(at[1]);
        const Vector g = pmul(step, pmadd(lambda, value, load_unaligned(at[0])));
        const Vector velocity = psub(pmul(momentum, load_unaligned(at[2])), g);
        pstoreu(at[2], velocity);
        const Vector move = nesterov ? psub(pmul(momentum, velocity), g) : velocity;
        pstoreu(at[1], padd(value, move));
      });
}

}  // namespace eigenmlp
