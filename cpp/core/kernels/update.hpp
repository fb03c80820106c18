// Update rules. They work on any range of the flat parameter buffer; the learning rate is an
// argument of the step, never hidden state, so that every schedule works with every rule.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "kernels/simd.hpp"
#include "kernels/tile.hpp"
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

// A step of a rule: its numbers, derived once a step, and what it does to a vector of parameters
// and their moments. t counts steps from 1.
template <typename Rule, typename Scalar>
struct RuleStep;

// θ ← θ - η g
template <typename Scalar>
struct RuleStep<Sgd, Scalar> {
  using Vector = Packet<Scalar>;

  RuleStep(const Sgd&, std::int64_t, double learning_rate)
      : rate(broadcast(static_cast<Scalar>(learning_rate))) {}

  Vector operator()(Vector theta, Vector g, std::array<Vector, 0>&) const {
    return psub(theta, pmul(rate, g));
  }

  Vector rate;
};

// v ← μ v - η g;  θ ← θ + v, or with Nesterov's θ ← θ + μ v - η g
template <typename Scalar>
struct RuleStep<Momentum, Scalar> {
  using Vector = Packet<Scalar>;

  RuleStep(const Momentum& rule, std::int64_t, double learning_rate)
      : rate(broadcast(static_cast<Scalar>(learning_rate))),
        momentum(broadcast(static_cast<Scalar>(rule.momentum))),
        nesterov(rule.nesterov) {}

  Vector operator()(Vector theta, Vector g, std::array<Vector, 1>& moments) const {
    const Vector move = pmul(rate, g);
    const Vector velocity = psub(pmul(momentum, moments[0]), move);
    moments[0] = velocity;
    return padd(theta, nesterov ? psub(pmul(momentum, velocity), move) : velocity);
  }

  Vector rate;
  Vector momentum;
  bool nesterov;
};

// m ← β1 m + (1-β1) g;  v ← β2 v + (1-β2) g²
// θ ← θ - η/(1-β1^t) · m / (√v · 1/√(1-β2^t) + ε), with AMSGrad the largest v so far for v
template <typename Scalar>
struct RuleStep<TwoMoments, Scalar> {
  using Vector = Packet<Scalar>;

  RuleStep(const TwoMoments& rule, std::int64_t t, double learning_rate, bool epsilon_hat)
      : beta1(broadcast(static_cast<Scalar>(rule.beta1))),
        beta2(broadcast(static_cast<Scalar>(rule.beta2))),
        rest1(broadcast(static_cast<Scalar>(1 - rule.beta1))),
        rest2(broadcast(static_cast<Scalar>(1 - rule.beta2))),
        epsilon(broadcast(static_cast<Scalar>(rule.epsilon))) {
    const double correction = std::sqrt(1 - power(rule.beta2, t));
    const double size = learning_rate / (1 - power(rule.beta1, t));
    rate = broadcast(static_cast<Scalar>(epsilon_hat ? size * correction : size));
    root = broadcast(epsilon_hat ? Scalar(1) : static_cast<Scalar>(1 / correction));
  }

  template <std::size_t kMoments>
  Vector operator()(Vector theta, Vector g, std::array<Vector, kMoments>& moments) const {
    moments[0] = pmadd(beta1, moments[0], pmul(rest1, g));
    moments[1] = pmadd(beta2, moments[1], pmul(rest2, pmul(g, g)));
    if constexpr (kMoments == 3) moments[2] = pmax(moments[1], moments[2]);
    const Vector denominator = pmadd(square_root(moments[kMoments - 1]), root, epsilon);
    return psub(theta, pdiv(pmul(rate, moments[0]), denominator));
  }

  Vector beta1;
  Vector beta2;
  Vector rest1;
  Vector rest2;
  Vector epsilon;
  Vector rate;  // η / (1-β1^t), with epsilon_hat times √(1-β2^t)
  Vector root;  // 1 / √(1-β2^t), or 1 with epsilon_hat
};

template <typename Scalar>
struct RuleStep<Adam, Scalar> : RuleStep<TwoMoments, Scalar> {
  RuleStep(const Adam& rule, std::int64_t t, double learning_rate)
      : RuleStep<TwoMoments, Scalar>(rule, t, learning_rate, rule.epsilon_hat) {}
};

template <typename Scalar>
struct RuleStep<AdamW, Scalar> : RuleStep<TwoMoments, Scalar> {
  RuleStep(const AdamW& rule, std::int64_t t, double learning_rate)
      : RuleStep<TwoMoments, Scalar>(rule, t, learning_rate, false),
        kept(static_cast<Scalar>(1 - learning_rate * rule.weight_decay)),
        decay_biases(rule.decay_biases) {}

  // What is left of a parameter before the step.
  Packet<Scalar> kept_of(bool is_weight) const {
    return broadcast(is_weight || decay_biases ? kept : Scalar(1));
  }

  Scalar kept;  // 1 - ηλ
  bool decay_biases;
};

// Calls body with pointers to the moments of the parameters from `offset` on, kFewest to kMost.
template <std::size_t kFewest, std::size_t kMost, typename Scalar, typename Body>
void with_moments(std::vector<Buffer<Scalar>>& moments, Index offset, Body&& body) {
  if constexpr (kFewest < kMost) {
    if (moments.size() > kFewest) return with_moments<kFewest + 1, kMost>(moments, offset, body);
  }
  std::array<Scalar*, kFewest> pointers;
  for (std::size_t i = 0; i < kFewest; ++i) pointers[i] = moments[i].data() + offset;
  body(pointers);
}

// moments, gradient and theta: those of `count` parameters.
template <std::size_t kMoments, typename Rule, typename Scalar>
EIGEN_DONT_INLINE void update(const RuleStep<Rule, Scalar>& of_rule,
                              const std::array<Scalar*, kMoments>& moments, Scalar decay,
                              bool is_weight, Index count, Scalar* gradient, Scalar* theta) {
  using Vector = Packet<Scalar>;
  const RuleStep<Rule, Scalar> step = of_rule;  // a copy, which stays in registers
  constexpr bool kDecays = requires { step.kept_of(is_weight); };
  const Vector lambda = broadcast(decay);
  Vector kept = broadcast(Scalar(1));
  if constexpr (kDecays) kept = step.kept_of(is_weight);
  std::array<Scalar*, 2 + kMoments> streams{gradient, theta};
  std::copy_n(moments.begin(), kMoments, streams.begin() + 2);
  for_each_vector<Scalar>(count, streams, [&](const auto& at) {
    const Vector value = load_unaligned(at[1]);
    const Vector g = pmadd(lambda, value, load_unaligned(at[0]));
    std::array<Vector, kMoments> of_value;
    for (std::size_t i = 0; i != kMoments; ++i) of_value[i] = load_unaligned(at[2 + i]);
    const Vector updated = step(kDecays ? pmul(kept, value) : value, g, of_value);
    for (std::size_t i = 0; i != kMoments; ++i) pstoreu(at[2 + i], of_value[i]);
    pstoreu(at[1], updated);
  });
}

// Takes steps with the gradient 0 one after the other, of kVectors vectors of parameters at a time:
// so many hide each other's latency. before(step, theta) is called with the parameters before each.
template <int kVectors, std::size_t kMoments, typename Scalar, typename Steps, typename Before>
EIGEN_STRONG_INLINE void update_at_rest(const Steps& step_at, Index n_steps, const Scalar* decays,
                                        bool is_weight,
                                        const std::array<Scalar*, 1 + kMoments>& streams,
                                        Before&& before) {
  using Vector = Packet<Scalar>;
  constexpr Index width = kWidth<Scalar>;
  Vector values[kVectors];
  std::array<Vector, kMoments> of_values[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    values[v] = load_unaligned(streams[0] + v * width);
    for (std::size_t i = 0; i != kMoments; ++i) {
      of_values[v][i] = load_unaligned(streams[1 + i] + v * width);
    }
  }
  for (Index s = 0; s < n_steps; ++s) {
    const auto& step = step_at(s);
    constexpr bool kDecays = requires { step.kept_of(is_weight); };
    const Vector lambda = broadcast(decays[s]);
    before(s, values);
    for (int v = 0; v < kVectors; ++v) {
      const Vector g = pmadd(lambda, values[v], broadcast(Scalar(0)));
      if constexpr (kDecays) values[v] = pmul(step.kept_of(is_weight), values[v]);
      values[v] = step(values[v], g, of_values[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    pstoreu(streams[0] + v * width, values[v]);
    for (std::size_t i = 0; i != kMoments; ++i) {
      pstoreu(streams[1 + i] + v * width, of_values[v][i]);
    }
  }
}

// The same of `count` parameters θ and their moments, which the streams are. before(step, at,
// theta) gets a number of vectors of the parameters from `at` on; beyond the last they are 0.
template <std::size_t kMoments, typename Scalar, typename Steps, typename Before>
EIGEN_DONT_INLINE void update_at_rest(const Steps& step_at, Index n_steps, const Scalar* decays,
                                      bool is_weight, Index count,
                                      std::array<Scalar*, 1 + kMoments> streams, Before&& before) {
  constexpr int kTogether = 4;
  constexpr Index size = kTogether * kWidth<Scalar>;
  for (Index at = 0; at < count; at += size) {
    const Index rest = std::min(size, count - at);
    Scalar copies[1 + kMoments][size] = {};
    std::array<Scalar*, 1 + kMoments> padded = streams;
    if (rest < size) {
      for (std::size_t s = 0; s <= kMoments; ++s) {
        padded[s] = std::copy_n(streams[s], rest, copies[s]) - rest;
      }
    }
    with_constant<kTogether>(divide_up(rest, kWidth<Scalar>), [&](auto vectors) {
      update_at_rest<vectors, kMoments>(step_at, n_steps, decays, is_weight, padded,
                                        [&](Index s, const auto& theta) { before(s, at, theta); });
    });
    for (std::size_t s = 0; s <= kMoments; ++s) {
      if (rest < size) std::copy_n(copies[s], rest, streams[s]);
      streams[s] += size;
    }
  }
}

}  // namespace detail

// One step's numbers, derived once a step from the rule and its clock.
template <typename Scalar, typename Rules = Rule>
struct Step;
template <typename Scalar, typename... Rules>
struct Step<Scalar, std::variant<Rules...>> {
  using Variant = std::variant<detail::RuleStep<Rules, Scalar>...>;

  // clock: steps finished before this one.
  Step(const Rule& rule, std::int64_t clock, double learning_rate)
      : of_rule(std::visit(
            [&]<typename Kind>(const Kind& kind) -> Variant {
              return detail::RuleStep<Kind, Scalar>(kind, clock + 1, learning_rate);
            },
            rule)) {}

  Variant of_rule;
};

// Updates the `count` parameters θ at `offset` of the flat buffer, given their gradient ∂L/∂θ;
// decay is λ of the penalty, so that g = ∂L/∂θ + λθ.
template <typename Scalar>
void update(Optimizer<Scalar>& optimizer, const Step<Scalar>& step, Scalar decay, bool is_weight,
            Index offset, Index count, Scalar* gradient, Scalar* parameters) {
  std::visit(
      [&]<typename Kind>(const detail::RuleStep<Kind, Scalar>& of_rule) {
        detail::with_moments<Kind::kFewestMoments, Kind::kMostMoments>(
            optimizer.moments(), offset, [&](const auto& moments) {
              detail::update(of_rule, moments, decay, is_weight, count, gradient,
                             parameters + offset);
            });
      },
      step.of_rule);
}

// Takes steps with the gradient 0 one after the other, where ∂L/∂θ = 0 in all of them, as update()
// does each; before(step, at, theta) as above.
template <typename Scalar, typename Before>
void update_at_rest(Optimizer<Scalar>& optimizer, const Step<Scalar>* steps, Index n_steps,
                    const Scalar* decays, bool is_weight, Index offset, Index count,
                    Scalar* parameters, Before&& before) {
  std::visit(
      [&]<typename Kind>(const detail::RuleStep<Kind, Scalar>&) {
        const auto step_at = [&](Index s) -> const detail::RuleStep<Kind, Scalar>& {
          return *std::get_if<detail::RuleStep<Kind, Scalar>>(&steps[s].of_rule);
        };
        detail::with_moments<Kind::kFewestMoments, Kind::kMostMoments>(
            optimizer.moments(), offset,
            [&]<std::size_t kMoments>(const std::array<Scalar*, kMoments>& moments) {
              std::array<Scalar*, 1 + kMoments> streams{parameters + offset};
              std::copy_n(moments.begin(), kMoments, streams.begin() + 1);
              detail::update_at_rest<kMoments>(step_at, n_steps, decays, is_weight, count, streams,
                                               before);
            });
      },
      steps[0].of_rule);
}

}  // namespace eigenmlp
