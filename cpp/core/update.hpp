// Update rules. They work on any range of the flat parameter buffer; the learning rate is an
// argument of the step, never hidden state, so that every schedule works with every rule.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "buffer.hpp"
#include "optimizer.hpp"
#include "simd.hpp"

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
    if (optimizer.rule() == Rule::kSgd) {
      step = static_cast<Scalar>(learning_rate);
      return;
    }
    const std::int64_t t = clock + 1;
    const AdamConstants& adam = optimizer.constants();
    step = static_cast<Scalar>(learning_rate / (1 - power(adam.beta1, t)));
    root = static_cast<Scalar>(1 / std::sqrt(1 - power(adam.beta2, t)));
  }

  Scalar step;     // η, or η / (1 - β1^t)
  Scalar root{1};  // 1 / √(1 - β2^t)
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

}  // namespace detail

// Updates the `count` parameters θ at `offset` of the flat buffer, given their gradient ∂L/∂θ;
// decay is λ of the penalty, so that g = ∂L/∂θ + λθ.
//   SGD:   θ ← θ - η g
//   Adam:  m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
//          θ ← θ - η/(1-β1^t) · m / (√v · 1/√(1-β2^t) + ε)
template <typename Scalar>
void update(Optimizer<Scalar>& optimizer, const StepSize<Scalar>& size, Scalar decay, Index offset,
            Index count, Scalar* gradient, Scalar* parameters) {
  using Vector = Packet<Scalar>;
  const Vector lambda = broadcast(decay);
  const Vector step = broadcast(size.step);
  Scalar* theta = parameters + offset;
  if (optimizer.rule() == Rule::kSgd) {
    detail::for_each_vector<Scalar, 2>(count, {gradient, theta}, [&](const auto& at) {
      const Vector value = load_unaligned(at[1]);
      const Vector g = pmadd(lambda, value, load_unaligned(at[0]));
      pstoreu(at[1], psub(value, pmul(step, g)));
    });
    return;
  }
  const AdamConstants& adam = optimizer.constants();
  const Vector beta1 = broadcast(static_cast<Scalar>(adam.beta1));
  const Vector beta2 = broadcast(static_cast<Scalar>(adam.beta2));
  const Vector rest1 = broadcast(static_cast<Scalar>(1 - adam.beta1));
  const Vector rest2 = broadcast(static_cast<Scalar>(1 - adam.beta2));
  const Vector epsilon = broadcast(static_cast<Scalar>(adam.epsilon));
  const Vector root = broadcast(size.root);
  detail::for_each_vector<Scalar, 4>(
      count,
      {gradient, theta, optimizer.first_moments() + offset, optimizer.second_moments() + offset},
      [&](const auto& at) {
        const Vector value = load_unaligned(at[1]);
        const Vector g = pmadd(lambda, value, load_unaligned(at[0]));
        const Vector m = pmadd(beta1, load_unaligned(at[2]), pmul(rest1, g));
        const Vector v = pmadd(beta2, load_unaligned(at[3]), pmul(rest2, pmul(g, g)));
        pstoreu(at[2], m);
        pstoreu(at[3], v);
        const Vector denominator = pmadd(square_root(v), root, epsilon);
        pstoreu(at[1], psub(value, pdiv(pmul(step, m), denominator)));
      });
}

}  // namespace eigenmlp
