// Any network on any samples, trained, evaluated and asked for predictions: nothing crashes, and
// the promises of docs/same-bits.md hold. Built for libFuzzer, or with the replay's main.
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "../tests/sparse_copy.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "scenario.hpp"

namespace {

using eigenmlp::Ending;
using eigenmlp::EpochResult;
using eigenmlp::Network;
using eigenmlp::Threads;
using fuzz::Index;
using fuzz::Scenario;

bool never() { return false; }

void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

// The same bits; the payload of a NaN may be any.
template <typename Number>
bool same(const Number* a, const Number* b, Index count) {
  for (Index i = 0; i < count; ++i) {
    if (std::memcmp(a + i, b + i, sizeof(Number)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) {
      return false;
    }
  }
  return true;
}

template <typename Scalar>
std::vector<Scalar> outputs(const Network<Scalar>& network, const eigenmlp::Table& inputs,
                            int threads) {
  std::vector<Scalar> out(static_cast<std::size_t>(inputs.count * network.layout().n_outputs()));
  require(eigenmlp::predict_outputs(network, inputs, Threads{threads}, never, out.data()),
          "a prediction that nobody stops ends");
  return out;
}

template <typename Scalar>
eigenmlp::Table sample_of(const eigenmlp::Table& inputs, Index sample) {
  eigenmlp::Table one = inputs;
  const Index sizes[] = {1, 4, 8};
  one.data = static_cast<const std::uint8_t*>(inputs.data) +
             sample * inputs.stride * sizes[static_cast<int>(inputs.type)];
  one.count = 1;
  return one;
}

template <typename Scalar>
void check_predictions(const Scenario<Scalar>& scenario, const Network<Scalar>& network) {
  const Index n_outputs = network.layout().n_outputs();
  const std::vector<Scalar> all = outputs(network, scenario.inputs, 1);
  require(same(all.data(), outputs(network, scenario.inputs, scenario.threads).data(),
               static_cast<Index>(all.size())),
          "predictions are the same for any number of threads");
  const Index sample = scenario.inputs.count / 2;
  const std::vector<Scalar> alone =
      outputs(network, sample_of<Scalar>(scenario.inputs, sample), scenario.threads);
  require(same(all.data() + sample * n_outputs, alone.data(), n_outputs),
          "a sample alone has the bits that it has among others");

  std::vector<std::int64_t> classes(static_cast<std::size_t>(scenario.inputs.count));
  require(eigenmlp::predict_classes(network, scenario.inputs, Threads{1}, never, classes.data()),
          "a prediction that nobody stops ends");
  for (Index i = 0; i < scenario.inputs.count; ++i) {
    const std::int64_t found = classes[static_cast<std::size_t>(i)];
    require(found >= -1 && found < n_outputs, "classes are classes, or -1");
    if (scenario.architecture.output != fuzz::Output::kSoftmax) continue;
    const Scalar* const p = all.data() + i * n_outputs;
    const bool finite = std::all_of(p, p + n_outputs, [](Scalar x) { return std::isfinite(x); });
    require(finite || found < 0, "a sample without probabilities has no class");
    if (finite && found >= 0) {
      require(p[found] == *std::max_element(p, p + n_outputs), "the class is the most probable");
    }
  }
}

template <typename Scalar>
void check_scores(const Scenario<Scalar>& scenario, const Network<Scalar>& network) {
  const auto scores = [&](int threads) {
    return *eigenmlp::evaluate(network, scenario.samples(), scenario.loss, Threads{threads}, never);
  };
  const eigenmlp::LossSum a = scores(1);
  const eigenmlp::LossSum b = scores(scenario.threads);
  require(same(&a.loss, &b.loss, 1) && a.correct == b.correct && a.weight == b.weight,
          "scores are the same for any number of threads");
  require(a.correct >= 0 && a.correct <= a.weight * (1 + 1e-9), "hits are some of all");

  const Index n = network.layout().n_parameters();
  const auto gradient = [&](int threads) {
    std::vector<Scalar> out(static_cast<std::size_t>(n));
    const auto sum = eigenmlp::loss_and_gradient(
        network, scenario.samples(), scenario.order(), scenario.loss, scenario.settings.penalty,
        {scenario.settings.objective ? std::optional<std::int64_t>(7) : std::nullopt},
        Threads{threads}, never, out.data());
    require(sum.has_value(), "a gradient that nobody stops ends");
    return out;
  };
  require(same(gradient(1).data(), gradient(scenario.threads).data(), n),
          "gradients are the same for any number of threads");
}

// An epoch on the scenario's inputs or others, stopped after so many questions.
template <typename Scalar>
EpochResult train(const Scenario<Scalar>& scenario, const eigenmlp::Table& inputs,
                  Network<Scalar>& network, int threads, Index stop_after) {
  const Index n_parameters = network.layout().n_parameters();
  eigenmlp::Optimizer<Scalar> optimizer(scenario.rule, n_parameters);
  Index asked = 0;
  eigenmlp::Samples samples = scenario.samples();
  samples.inputs = inputs;
  const EpochResult result = eigenmlp::train_epoch(
      network, optimizer, samples, scenario.order(), scenario.settings, Threads{threads},
      [&] { return stop_after >= 0 && asked++ >= stop_after; });
  require(optimizer.clock() == result.n_batches, "the clock counts the finished steps");
  return result;
}

// Sparse inputs train and predict as the same numbers in dense ones have.
template <typename Scalar>
void check_sparse(const Scenario<Scalar>& scenario, const Network<Scalar>& trained,
                  const EpochResult& expected) {
  const problem::SparseCopy sparse(scenario.inputs, scenario.threads % 2 == 0, scenario.threads);
  Network<Scalar> network = scenario.network();
  scenario.start(network);
  // How often a run asks whether to stop depends on its chunks.
  const bool whole = scenario.stop_after < 0;
  const EpochResult result =
      train(scenario, sparse.table, network, scenario.threads, scenario.stop_after);
  if (!whole || expected.ending != Ending::kFinished) return;
  const Index n_values = network.layout().n_values();
  const auto alike = [](const Scalar* a, const Scalar* b, Index count) {
    return std::equal(a, a + count, b, [](Scalar x, Scalar y) {
      return x == y || (std::isnan(x) && std::isnan(y));
    });
  };
  require(result.ending == Ending::kFinished &&
              alike(network.parameters(), trained.parameters(), n_values) &&
              same(&result.sum.loss, &expected.sum.loss, 1) &&
              same(&result.objective, &expected.objective, 1),
          "sparse inputs train as dense ones");
  const std::vector<Scalar> all = outputs(trained, scenario.inputs, 1);
  require(alike(outputs(trained, sparse.table, scenario.threads).data(), all.data(),
                static_cast<Index>(all.size())),
          "sparse inputs are predicted as dense ones");
}

template <typename Scalar>
void check_training(const Scenario<Scalar>& scenario) {
  Network<Scalar> first = scenario.network();
  Network<Scalar> other = scenario.network();
  scenario.start(first);
  scenario.start(other);
  check_predictions(scenario, first);
  const EpochResult a = train(scenario, scenario.inputs, first, 1, scenario.stop_after);
  const EpochResult b =
      train(scenario, scenario.inputs, other, scenario.threads, scenario.stop_after);
  const Index n_values = first.layout().n_values();
  require(same(first.parameters(), other.parameters(), n_values) && a.ending == b.ending &&
              same(&a.sum.loss, &b.sum.loss, 1) && same(&a.objective, &b.objective, 1),
          "training is the same for any number of threads");
  if (a.ending == Ending::kFinished) {
    // Finite in every batch, though their sum may overflow, which em.train() then reports.
    require(!std::isnan(a.sum.loss), "a finished epoch has a loss");
    require(std::all_of(first.parameters(), first.parameters() + n_values,
                        [](Scalar x) { return std::isfinite(x); }),
            "a finished epoch leaves finite parameters");
  }
  check_sparse(scenario, first, a);
  if (a.ending != Ending::kDiverged) {
    check_predictions(scenario, first);
    check_scores(scenario, first);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Source source(data, size);
  if (source.flag()) {
    check_training(Scenario<float>(source));
  } else {
    check_training(Scenario<double>(source));
  }
  return 0;
}
