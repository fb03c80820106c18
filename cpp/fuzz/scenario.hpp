// A network, samples and settings of any kind that the array gate lets through.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include "network/epoch.hpp"
#include "network/network.hpp"
#include "source.hpp"

namespace fuzz {

using eigenmlp::Architecture;
using eigenmlp::ElementType;
using eigenmlp::Label;
using eigenmlp::LossKind;
using eigenmlp::Output;

inline Architecture any_architecture(Source& source) {
  using eigenmlp::kActivations;
  using eigenmlp::Normalization;
  Architecture architecture;
  const Index n_layers = source.between(1, 4);
  for (Index l = 0; l <= n_layers; ++l) {
    architecture.sizes.push_back(source.between(1, source.flag() ? 12 : 70));
  }
  for (Index l = 1; l < n_layers; ++l) {
    const double dropout = source.flag() ? 0 : static_cast<double>(source.byte()) / 256;
    architecture.hidden.push_back({kActivations[source.byte() % std::size(kActivations)].first,
                                   source.one_of<Normalization>(3), dropout});
  }
  architecture.output = source.one_of<Output>(4);
  architecture.input_scale = source.flag() ? 1 : 1.0 / 255;
  architecture.dropout_seed = source.byte();
  return architecture;
}

inline eigenmlp::Loss any_loss(Source& source, Output output) {
  switch (output) {
    case Output::kSoftmax:
      return {LossKind::kCrossEntropy, source.flag() ? 0 : 0.1};
    case Output::kLogistic:
      return {LossKind::kBinaryCrossEntropy, 0};
    case Output::kIdentity:
      return {std::array{LossKind::kSquaredError, LossKind::kAbsoluteError, LossKind::kHuber,
                         LossKind::kQuantile}[source.byte() % 4],
              0.5};
    case Output::kExponential:
      return {LossKind::kPoisson, 0};
  }
  return {};
}

inline eigenmlp::Rule any_rule(Source& source) {
  const int kind = source.byte() % 4;
  const bool nesterov = source.flag();
  const bool epsilon_hat = source.flag();
  eigenmlp::TwoMoments moments;
  moments.amsgrad = source.flag();
  const double weight_decay = source.flag() ? 0 : 0.01;
  const bool decay_biases = source.flag();
  switch (kind) {
    case 0:
      return eigenmlp::Sgd{};
    case 1:
      return eigenmlp::Momentum{0.9, nesterov};
    case 2:
      return eigenmlp::Adam{moments, epsilon_hat};
    default:
      return eigenmlp::AdamW{moments, weight_decay, decay_biases};
  }
}

template <typename Scalar>
class Scenario {
 public:
  explicit Scenario(Source& source)
      : architecture(any_architecture(source)), rule(any_rule(source)) {
    source.be_wild(source.byte() % 8 == 0);
    loss = any_loss(source, architecture.output);
    fill_inputs(source);
    fill_targets(source);
    if (source.flag()) fill_weights(source);
    fill_order(source);
    fill_settings(source);
    const Index n = eigenmlp::Layout(architecture).n_values();
    for (Index i = 0; i < n; ++i) {
      values.push_back(static_cast<Scalar>(source.value<Scalar>() / 4));
    }
    threads = static_cast<int>(source.between(1, 4));
    stop_after = source.flag() ? -1 : source.between(0, 6);
  }
  // inputs points into the memory.
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;

  eigenmlp::Network<Scalar> network() const { return eigenmlp::Network<Scalar>(architecture); }

  void start(eigenmlp::Network<Scalar>& network) const {
    std::copy(values.begin(), values.end(), network.parameters());
    for (const eigenmlp::Layer& layer : network.layout().layers()) {
      if (layer.hidden.normalization != eigenmlp::Normalization::kBatch) continue;
      // The model files and Python see to it that no variance is negative.
      Scalar* const variances = network.parameters() + layer.variances;
      for (Index i = 0; i < layer.fan_out; ++i) variances[i] = std::abs(variances[i]);
    }
  }

  eigenmlp::Samples samples() const {
    return {inputs, labels.empty() ? nullptr : labels.data(), targets,
            weights.empty() ? nullptr : weights.data()};
  }

  eigenmlp::Order order() const { return {chosen.data(), static_cast<Index>(chosen.size())}; }

  Architecture architecture;
  eigenmlp::Rule rule;
  eigenmlp::Loss loss;
  eigenmlp::Table inputs{};
  eigenmlp::Table targets{};
  std::vector<Label> labels;
  std::vector<double> weights;
  std::vector<Index> chosen;
  eigenmlp::EpochSettings settings;
  std::vector<Scalar> values;
  int threads;       // compared with one
  Index stop_after;  // questions; -1: never

 private:
  template <typename Element>
  void fill_memory(Source& source, std::vector<Element>& memory) {
    const Index n_features = architecture.sizes.front();
    const Index gap = source.between(0, 3);
    const bool backwards = source.flag();
    const bool sparse = source.byte() % 4 == 0;
    const Index stride = n_features + gap;
    memory.resize(static_cast<std::size_t>(n_samples_ * stride - gap));
    for (Element& value : memory) {
      if constexpr (std::is_integral_v<Element>) {
        value = sparse ? (source.byte() % 8 ? 0 : source.byte()) : source.byte();
      } else {
        value = static_cast<Element>(
            source.value<std::conditional_t<sizeof(Element) < sizeof(Scalar), Element, Scalar>>());
        if (sparse && source.byte() % 8) value = 0;
      }
    }
    inputs.data = backwards ? memory.data() + (n_samples_ - 1) * stride : memory.data();
    inputs.stride = backwards ? -stride : stride;
  }

  void fill_inputs(Source& source) {
    n_samples_ = source.between(1, source.byte() % 4 != 0 ? 40 : 300);
    inputs.count = n_samples_;
    inputs.features = architecture.sizes.front();
    inputs.type = source.one_of<ElementType>(3);
    switch (inputs.type) {
      case ElementType::kUint8:
        return fill_memory(source, bytes_);
      case ElementType::kFloat32:
        return fill_memory(source, floats_);
      case ElementType::kFloat64:
        return fill_memory(source, doubles_);
    }
  }

  void fill_targets(Source& source) {
    const Index n_outputs = architecture.sizes.back();
    if (architecture.output == Output::kSoftmax) {
      for (Index i = 0; i < n_samples_; ++i) {
        labels.push_back(static_cast<Label>(source.between(0, n_outputs - 1)));
      }
      return;
    }
    for (Index i = 0; i < n_samples_ * n_outputs; ++i) {
      double value = source.value<Scalar>();
      if (architecture.output == Output::kLogistic) value = std::min(std::abs(value), 1.0);
      if (architecture.output == Output::kExponential) value = std::abs(value);
      target_values_.push_back(value);
    }
    targets = {target_values_.data(), ElementType::kFloat64, n_samples_, n_outputs, n_outputs};
  }

  void fill_weights(Source& source) {
    for (Index i = 0; i < n_samples_; ++i) {
      const std::uint8_t choice = source.byte();
      weights.push_back(choice < 32   ? 0
                        : choice < 36 ? 1e-30
                        : choice < 40 ? 1e20
                                      : choice / 100.0);
    }
    weights[static_cast<std::size_t>(source.between(0, n_samples_ - 1))] = 1;
  }

  // Samples of weight > 0, as Python sees to it; perhaps some of them, and some twice.
  void fill_order(Source& source) {
    std::vector<Index> present;
    for (Index i = 0; i < n_samples_; ++i) {
      if (weights.empty() || weights[static_cast<std::size_t>(i)] > 0) present.push_back(i);
    }
    const auto last = static_cast<Index>(present.size()) - 1;
    const Index count = source.flag() ? last + 1 : source.between(1, last + 1);
    for (Index i = 0; i < count; ++i) {
      chosen.push_back(present[static_cast<std::size_t>(source.between(0, last))]);
    }
  }

  void fill_settings(Source& source) {
    const auto count = static_cast<Index>(chosen.size());
    settings.batch_size = source.flag() ? source.between(1, 40) : source.between(1, count + 5);
    const Index steps = eigenmlp::divide_up(count, std::min(settings.batch_size, count));
    const double rates[] = {0, 1e-3, 0.1, 1e3};
    const bool each = source.flag();
    for (Index i = 0; i < (each ? steps : 1); ++i) {
      settings.learning_rates.push_back(rates[source.byte() % 4]);
    }
    settings.loss = loss;
    settings.penalty = {source.flag() ? 0 : 0.01, source.flag(), source.flag()};
    if (source.flag()) settings.clipping.value = 0.5;
    if (source.flag()) settings.clipping.norm = 1;
    settings.objective = source.flag();
  }

  Index n_samples_ = 0;
  std::vector<std::uint8_t> bytes_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  std::vector<double> target_values_;
};

}  // namespace fuzz
