// Steps and epochs: the update rules, stopping, divergence, and no allocation inside the loop.
#include <limits>
#include <new>
#include <numeric>
#include <vector>

#include "allocations.hpp"
#include "check.hpp"
#include "network/inference.hpp"
#include "problem.hpp"
#include "reference.hpp"

namespace {

using eigenmlp::Ending;
using eigenmlp::Index;
using eigenmlp::Optimizer;
using eigenmlp::Penalty;
using problem::never;
using problem::Problem;
using problem::settings;

std::vector<double> parameters_of(const eigenmlp::Network<double>& network) {
  return {network.parameters(), network.parameters() + network.layout().n_parameters()};
}

// The reference's gradient of a batch.
std::vector<double> batch_gradient(const Problem<double>& p, const std::vector<double>& parameters,
                                   const std::vector<Index>& samples, const Penalty& penalty) {
  eigenmlp::Network<double> network(p.network.architecture());
  std::copy(parameters.begin(), parameters.end(), network.parameters());
  reference::Matrix inputs(p.table.features, static_cast<Index>(samples.size()));
  std::vector<eigenmlp::Label> labels;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (Index j = 0; j < p.table.features; ++j) {
      inputs(j, static_cast<Index>(i)) =
          p.inputs[static_cast<std::size_t>(samples[i] * p.table.features + j)];
    }
    labels.push_back(p.labels[static_cast<std::size_t>(samples[i])]);
  }
  return reference::forward_backward(reference::layers_of(network), inputs, labels, penalty)
      .gradient;
}

// Ten epochs of batches in a shuffled order, by the textbook.
void follow(Optimizer<double>& optimizer, bool adam, Index batch_size, const Penalty& penalty) {
  Problem<double> p({6, 9, 5, 3}, 41);
  std::vector<double> theta = parameters_of(p.network);
  std::vector<double> m(theta.size());
  std::vector<double> v(theta.size());
  double t = 0;
  std::vector<Index> order(41);
  std::iota(order.begin(), order.end(), 0);
  std::mt19937 random(3);
  for (int epoch = 0; epoch < 10; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    const double rate = 0.02 / (1 + epoch);
    for (std::size_t first = 0; first < order.size();
         first += static_cast<std::size_t>(batch_size)) {
      const std::size_t last = std::min(order.size(), first + static_cast<std::size_t>(batch_size));
      const auto begin = order.begin();
      const std::vector<double> g = batch_gradient(
          p, theta, {begin + static_cast<Index>(first), begin + static_cast<Index>(last)}, penalty);
      ++t;
      for (std::size_t i = 0; i < theta.size(); ++i) {
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        const double m_hat = m[i] / (1 - std::pow(0.9, t));
        const double v_hat = v[i] / (1 - std::pow(0.999, t));
        theta[i] -= rate * (adam ? m_hat / (std::sqrt(v_hat) + 1e-8) : g[i]);
      }
    }
    const auto result = eigenmlp::train_epoch(p.network, optimizer, p.samples(), {order.data(), 41},
                                              settings(batch_size, rate, penalty), {}, never);
    check::equal(result.n_samples, 41, "samples seen");
  }
  check::equal(optimizer.clock(), static_cast<std::int64_t>(t), "one tick a step");
  for (std::size_t i = 0; i < theta.size(); ++i) {
    check::close(p.network.parameters()[i], theta[i], 1e-11, "parameter " + std::to_string(i));
  }
}

TEST(gradient_descent_follows_the_textbook) {
  for (const Index batch : {1, 4, 41}) {
    Optimizer<double> sgd;
    follow(sgd, false, batch, {0.1, false});
  }
}

TEST(adam_follows_the_textbook) {
  for (const Index batch : {1, 4, 41}) {
    Optimizer<double> adam(eigenmlp::Adam{}, 6 * 9 + 9 + 9 * 5 + 5 + 5 * 3 + 3);
    follow(adam, true, batch, {0.1, true});
  }
}

TEST(stopping_leaves_the_last_finished_batch) {
  Problem<double> stopped({4, 5, 3}, 60);
  Problem<double> whole({4, 5, 3}, 60);
  Optimizer<double> first;
  Optimizer<double> second;
  int asked = 0;
  // Every batch of 10 is one panel, so the question is asked once a batch.
  const auto result = eigenmlp::train_epoch(stopped.network, first, stopped.samples(), {},
                                            settings(10, 0.1), {}, [&] { return ++asked == 4; });
  check::equal(result.ending == Ending::kStopped, true, "stopped");
  check::equal(result.n_batches, 3, "finished batches");
  auto three = whole.samples();
  three.inputs.count = 30;
  eigenmlp::train_epoch(whole.network, second, three, {}, settings(10, 0.1), {}, never);
  check::equal(parameters_of(stopped.network) == parameters_of(whole.network), true,
               "three batches, to the bit");
}

TEST(a_loss_that_is_not_finite_ends_the_epoch_before_its_update) {
  Problem<double> p({4, 5, 3}, 60);
  p.inputs[4 * 25] = std::numeric_limits<double>::quiet_NaN();
  Optimizer<double> sgd;
  const auto result =
      eigenmlp::train_epoch(p.network, sgd, p.samples(), {}, settings(10, 0.1), {}, never);
  check::equal(result.ending == Ending::kDiverged, true, "diverged");
  check::equal(result.n_batches, 2, "finished batches");
  for (const double value : parameters_of(p.network)) {
    check::equal(std::isfinite(value), true, "parameters stay finite");
  }
}

TEST(a_parameter_that_is_not_finite_ends_the_epoch) {
  Problem<float> p({4, 3}, 8);
  Optimizer<float> sgd;
  const auto result =
      eigenmlp::train_epoch(p.network, sgd, p.samples(), {}, settings(8, 1e300), {}, never);
  check::equal(result.ending == Ending::kDiverged, true, "diverged");
}

TEST(an_epoch_allocates_nothing_per_batch) {
  for (const int threads : {1, 3}) {
    std::vector<long> counts;
    for (const Index n_samples : {100, 3000}) {
      Problem<float> p({4, 5, 3}, n_samples);
      Optimizer<float> adam(eigenmlp::Adam{}, p.network.layout().n_parameters());
      const long before = allocations::count();
      eigenmlp::train_epoch(p.network, adam, p.samples(), {}, settings(100, 0.01), {threads},
                            never);
      counts.push_back(allocations::count() - before);
    }
    check::equal(counts[1], counts[0], "allocations of 30 batches and of 1");
  }
}

TEST(a_second_prediction_of_a_size_allocates_nothing) {
  Problem<float> p({20, 30, 5}, 200);
  std::vector<float> out(200 * 5);
  for (const int threads : {1, 2}) {
    for (const Index n_samples : {200, 17, 1}) {
      p.table.count = n_samples;
      eigenmlp::predict_outputs(p.network, p.table, {threads}, never, out.data());
      const long before = allocations::count();
      eigenmlp::predict_outputs(p.network, p.table, {threads}, never, out.data());
      check::equal(allocations::count() - before, 0, "allocations");
    }
  }
}

TEST(impossible_shapes_are_refused) {
  for (const std::vector<Index>& sizes :
       std::vector<std::vector<Index>>{{}, {3}, {3, 0}, {-1, 2}}) {
    try {
      const eigenmlp::Network<float> network(eigenmlp::Architecture::relu(sizes));
    } catch (const std::invalid_argument&) {
      continue;
    }
    check::fail("a network of ", sizes.size(), " sizes was made");
  }
  try {
    const eigenmlp::Network<float> network(
        eigenmlp::Architecture::relu({Index{1} << 40, Index{1} << 40}));
  } catch (const std::bad_alloc&) {
    return;
  }
  check::fail("a network beyond all memory was made");
}

}  // namespace
