// What a layer and a loss can be besides ReLU and cross-entropy: gradients by finite differences,
// and the same bits for any number of threads.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "problem.hpp"

namespace {

using eigenmlp::Activation;
using eigenmlp::Architecture;
using eigenmlp::Index;
using eigenmlp::Loss;
using eigenmlp::LossKind;
using eigenmlp::Normalization;
using eigenmlp::Optimizer;
using eigenmlp::Output;
using eigenmlp::Rule;
using problem::never;
using problem::Problem;

Output output_of(LossKind kind) {
  switch (kind) {
    case LossKind::kCrossEntropy:
      return Output::kSoftmax;
    case LossKind::kBinaryCrossEntropy:
      return Output::kLogistic;
    case LossKind::kPoisson:
      return Output::kExponential;
    default:
      return Output::kIdentity;
  }
}

Architecture architecture(Activation activation, Normalization normalization, double dropout,
                          LossKind loss = LossKind::kCrossEntropy) {
  Architecture made = Architecture::relu({5, 17, 33, 3});
  for (eigenmlp::HiddenLayer& layer : made.hidden) layer = {activation, normalization, dropout};
  made.output = output_of(loss);
  made.dropout_seed = 42;
  return made;
}

// A problem with weights and targets that any loss takes.
template <typename Scalar>
struct Weighted : Problem<Scalar> {
  Weighted(const Architecture& architecture, Index n_samples)
      : Problem<Scalar>(architecture, n_samples) {
    std::mt19937 random(5);
    for (Index i = 0; i < n_samples; ++i) {
      weights.push_back(0.5 + static_cast<double>(random() % 100) / 100);
      for (Index o = 0; o < architecture.sizes.back(); ++o) {
        targets.push_back(static_cast<double>(random() % 1001) / 1000);
      }
    }
  }

  eigenmlp::Samples weighted(LossKind loss) const {
    eigenmlp::Samples samples = this->samples();
    samples.weights = weights.data();
    if (loss != LossKind::kCrossEntropy) {
      const Index n_outputs = this->network.layout().n_outputs();
      samples.labels = nullptr;
      samples.targets = {targets.data(), eigenmlp::ElementType::kFloat64, this->table.count,
                         n_outputs, n_outputs};
    }
    return samples;
  }

  std::vector<double> weights;
  std::vector<double> targets;
};

// The derivative along a random direction, by differences and by backpropagation.
void follow_a_direction(const Architecture& made, const Loss& loss, Index n_samples,
                        const std::string& what) {
  Weighted<double> p(made, n_samples);
  const eigenmlp::Samples samples = p.weighted(loss.kind);
  const Index n = p.network.layout().n_parameters();
  std::vector<double> gradient(static_cast<std::size_t>(n));
  const auto evaluate = [&] {
    const auto sum = eigenmlp::loss_and_gradient(p.network, samples, {}, loss, {}, {3}, {2}, never,
                                                 gradient.data());
    return sum->loss / sum->weight;
  };
  std::mt19937 random(9);
  std::normal_distribution<double> normal;
  std::vector<double> direction;
  for (Index i = 0; i < n; ++i) direction.push_back(normal(random));
  constexpr double kStep = 1e-6;
  const auto move = [&](double by) {
    for (Index i = 0; i < n; ++i) {
      p.network.parameters()[i] += by * direction[static_cast<std::size_t>(i)];
    }
  };
  move(-kStep);
  const double low = evaluate();
  move(2 * kStep);
  const double high = evaluate();
  move(-kStep);
  evaluate();
  double expected = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) expected += gradient[i] * direction[i];
  check::close((high - low) / (2 * kStep), expected, 1e-6, what);
}

TEST(every_activation_has_the_gradient_of_finite_differences) {
  for (const auto& [activation, name] : eigenmlp::kActivations) {
    for (const Normalization normalization :
         {Normalization::kNone, Normalization::kBatch, Normalization::kLayer}) {
      for (const double dropout : {0.0, 0.4}) {
        // A chunk holds 128 samples.
        for (const Index n_samples : {7, 150}) {
          follow_a_direction(architecture(activation, normalization, dropout), {}, n_samples,
                             std::string(name) + ", normalization " +
                                 std::to_string(static_cast<int>(normalization)) + ", dropout " +
                                 std::to_string(dropout));
        }
      }
    }
  }
}

TEST(every_loss_has_the_gradient_of_finite_differences) {
  for (const auto& [kind, name] : eigenmlp::kLosses) {
    const Loss loss{kind, 0.3};
    for (const Index n_samples : {33, 150}) {
      follow_a_direction(architecture(Activation::kTanh, Normalization::kNone, 0, kind), loss,
                         n_samples, name);
    }
  }
}

// Everything that an epoch and a prediction leave.
template <typename Scalar>
std::vector<double> results(const Architecture& made, const Loss& loss, const Rule& rule,
                            const eigenmlp::Clipping& clipping, int threads) {
  Weighted<Scalar> p(made, 150);
  const eigenmlp::Samples samples = p.weighted(loss.kind);
  Optimizer<Scalar> optimizer(rule, p.network.layout().n_parameters());
  eigenmlp::EpochSettings settings = problem::settings(64, 0.01, {0.1, true, true});
  settings.loss = loss;
  settings.clipping = clipping;
  settings.objective = true;
  std::vector<double> out;
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto result =
        eigenmlp::train_epoch(p.network, optimizer, samples, {}, settings, {threads}, never);
    out.push_back(result.sum.loss);
    out.push_back(result.objective);
  }
  const Scalar* values = p.network.parameters();
  out.insert(out.end(), values, values + p.network.layout().n_values());
  std::vector<Scalar> predicted(
      static_cast<std::size_t>(p.table.count * p.network.layout().n_outputs()));
  eigenmlp::predict_outputs(p.network, p.table, {threads}, never, predicted.data());
  out.insert(out.end(), predicted.begin(), predicted.end());
  out.push_back(eigenmlp::evaluate(p.network, samples, loss, {threads}, never)->loss);
  return out;
}

template <typename Scalar>
void compare_threads(const Architecture& made, const Loss& loss, const Rule& rule = {},
                     const eigenmlp::Clipping& clipping = {}) {
  const std::vector<double> one = results<Scalar>(made, loss, rule, clipping, 1);
  for (const double value : one) check::equal(std::isfinite(value), true, "finite");
  for (const int threads : {2, 3}) {
    check::equal(results<Scalar>(made, loss, rule, clipping, threads) == one, true,
                 std::to_string(threads) + " threads");
  }
}

TEST(every_operation_has_the_same_bits_for_any_number_of_threads) {
  for (const auto& [activation, name] : eigenmlp::kActivations) {
    compare_threads<float>(architecture(activation, Normalization::kNone, 0.3), {});
    compare_threads<double>(architecture(activation, Normalization::kBatch, 0.3), {});
    compare_threads<float>(architecture(activation, Normalization::kLayer, 0), {});
  }
  for (const auto& [kind, name] : eigenmlp::kLosses) {
    compare_threads<float>(architecture(Activation::kRelu, Normalization::kNone, 0, kind),
                           {kind, 0.5});
  }
  const Architecture plain = architecture(Activation::kRelu, Normalization::kNone, 0);
  eigenmlp::AdamW adamw;
  adamw.amsgrad = true;
  adamw.weight_decay = 0.1;
  for (const Rule& rule : {Rule(adamw), Rule(eigenmlp::Momentum{0.9, true})}) {
    compare_threads<float>(plain, {}, rule, {0.01, 0.05});
    compare_threads<double>(plain, {}, rule);
  }
}

TEST(one_sample_alone_has_the_bits_that_it_has_among_others) {
  for (const auto& [activation, name] : eigenmlp::kActivations) {
    for (const Normalization normalization :
         {Normalization::kNone, Normalization::kBatch, Normalization::kLayer}) {
      Problem<float> p(architecture(activation, normalization, 0), 40);
      std::vector<float> all(40 * 3);
      eigenmlp::predict_outputs(p.network, p.table, {}, never, all.data());
      float alone[3];
      eigenmlp::Table one = p.table;
      one.count = 1;
      eigenmlp::predict_outputs(p.network, one, {2}, never, alone);
      check::equal(std::equal(alone, alone + 3, all.begin()), true, "the first sample");
    }
  }
}

}  // namespace
