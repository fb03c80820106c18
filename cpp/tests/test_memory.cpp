// Whatever allocation fails, the error is std::bad_alloc and the network is as it was.
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "check.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "problem.hpp"

namespace {

using eigenmlp::Activation;
using eigenmlp::Architecture;
using eigenmlp::Index;
using eigenmlp::Normalization;
using eigenmlp::Optimizer;
using eigenmlp::Rule;
using problem::never;
using problem::Problem;

constexpr Index kSamples = 300;
constexpr Index kClasses = 3;

Architecture everything() {
  Architecture architecture = Architecture::relu({9, 14, 11, kClasses});
  architecture.hidden[0] = {Activation::kGelu, Normalization::kBatch, 0.25};
  architecture.hidden[1] = {Activation::kTanh, Normalization::kLayer, 0};
  return architecture;
}

// What a use of the network leaves: its parameters, and what it returned.
using Use = std::function<std::vector<float>(Problem<float>&)>;

std::vector<float> parameters(const Problem<float>& p) {
  return {p.network.parameters(), p.network.parameters() + p.network.layout().n_values()};
}

std::vector<float> train(Problem<float>& p) {
  Optimizer<float> adam({Rule::kAdam}, p.network.layout().n_parameters());
  eigenmlp::EpochSettings settings = problem::settings(200, 0.01);
  settings.clipping.norm = 1;
  eigenmlp::train_epoch(p.network, adam, p.samples(), {}, settings, {3}, never);
  return parameters(p);
}

std::vector<float> predict(Problem<float>& p, Index rows) {
  std::vector<float> out(static_cast<std::size_t>(rows * kClasses));
  eigenmlp::Rows chosen = p.rows;
  chosen.count = rows;
  eigenmlp::predict_outputs(p.network, chosen, {3}, never, out.data());
  return out;
}

std::vector<float> evaluate(Problem<float>& p) {
  const auto sum = eigenmlp::evaluate(p.network, p.samples(), {}, {3}, never);
  return {static_cast<float>(sum->loss), static_cast<float>(sum->correct)};
}

std::vector<float> gradient(Problem<float>& p) {
  std::vector<float> out(static_cast<std::size_t>(p.network.layout().n_parameters()));
  eigenmlp::loss_and_gradient(p.network, p.samples(), {}, {}, {}, std::nullopt, {3}, never,
                              out.data());
  return out;
}

void survives(const Architecture& architecture, const Use& use) {
  Problem<float> untouched(architecture, kSamples);
  const std::vector<float> before = parameters(untouched);
  const std::vector<float> expected = use(untouched);
  for (long left = 0;; ++left) {
    Problem<float> p(architecture, kSamples);
    bool failed = false;
    allocations::fail_after(left);
    try {
      use(p);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    allocations::fail_after(-1);
    const std::string which = "after " + std::to_string(left) + " allocations";
    if (!failed) return check::equal(left > 0, true, "some allocation failed");
    check::equal(parameters(p) == before, true, "parameters " + which);
    check::equal(use(p) == expected, true, "the next use " + which);
  }
}

TEST(a_failed_allocation_leaves_the_network_usable) {
  for (const Architecture& architecture : {everything(), Architecture::relu({9, 14, kClasses})}) {
    survives(architecture, train);
    survives(architecture, evaluate);
    survives(architecture, gradient);
    for (const Index rows : {Index{1}, kSamples}) {
      survives(architecture, [&](Problem<float>& p) { return predict(p, rows); });
    }
  }
}

}  // namespace
