// A small random problem for a network of any shape.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "network/epoch.hpp"
#include "network/network.hpp"

namespace problem {

using eigenmlp::Index;
using eigenmlp::Label;

inline bool never() { return false; }

// An epoch as the tests like it best: one rate, cross-entropy, nothing clipped.
inline eigenmlp::EpochSettings settings(Index batch_size, double learning_rate,
                                        const eigenmlp::Penalty& penalty = {}) {
  return {batch_size, {learning_rate}, {}, penalty, {}, false};
}

template <typename Scalar>
struct Problem {
  Problem(const std::vector<Index>& sizes, Index n_samples, unsigned seed = 1)
      : Problem(eigenmlp::Architecture::relu(sizes), n_samples, seed) {}

  Problem(const eigenmlp::Architecture& architecture, Index n_samples, unsigned seed = 1)
      : network(architecture),
        inputs(static_cast<std::size_t>(n_samples * architecture.sizes.front())) {
    const std::vector<Index>& sizes = architecture.sizes;
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    for (const eigenmlp::Layer& layer : network.layout().layers()) {
      const double scale = 1 / std::sqrt(static_cast<double>(layer.fan_in));
      for (Index i = layer.weights; i < layer.biases + layer.fan_out; ++i) {
        network.parameters()[i] = static_cast<Scalar>(scale * normal(random));
      }
    }
    for (Scalar& value : inputs) value = static_cast<Scalar>(normal(random));
    for (Index i = 0; i < n_samples; ++i) {
      labels.push_back(static_cast<Label>(random() % static_cast<unsigned>(sizes.back())));
    }
    table = {
        inputs.data(),
        sizeof(Scalar) == 4 ? eigenmlp::ElementType::kFloat32 : eigenmlp::ElementType::kFloat64,
        n_samples, sizes.front(), sizes.front()};
  }
  // table points into inputs.
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  eigenmlp::Samples samples() const { return {table, labels.data(), {}, nullptr}; }

  eigenmlp::Network<Scalar> network;
  std::vector<Scalar> inputs;
  std::vector<Label> labels;
  eigenmlp::Table table;
};

}  // namespace problem
