// Sparse inputs: the bits of dense ones, exact sums, and places beyond what 32 bits count.
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "check.hpp"
#include "kernels/sums.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "network/penalty.hpp"
#include "problem.hpp"
#include "shapes/bad_sample.hpp"
#include "sparse_copy.hpp"

namespace {

using eigenmlp::Adam;
using eigenmlp::AdamW;
using eigenmlp::EpochResult;
using eigenmlp::EpochSettings;
using eigenmlp::Index;
using eigenmlp::Momentum;
using eigenmlp::Network;
using eigenmlp::Optimizer;
using eigenmlp::Rule;
using eigenmlp::Samples;
using eigenmlp::Sgd;
using eigenmlp::Table;
using eigenmlp::Threads;
using problem::never;
using problem::Problem;
using problem::SparseCopy;

// Leaves about so many of a thousand numbers, and every seventh sample none.
template <typename Scalar>
void thin_out(Problem<Scalar>& p, unsigned per_mille) {
  std::mt19937 random(3);
  const auto features = static_cast<std::size_t>(p.table.features);
  for (std::size_t i = 0; i < p.inputs.size(); ++i) {
    if (i / features % 7 == 0 || random() % 1000 >= per_mille) p.inputs[i] = 0;
  }
}

template <typename Scalar>
bool same(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0;
}

template <typename Scalar>
std::vector<Scalar> predicted(const Network<Scalar>& network, const Table& inputs, int threads) {
  std::vector<Scalar> out(static_cast<std::size_t>(inputs.count * network.layout().n_outputs()));
  eigenmlp::predict_outputs(network, inputs, Threads{threads}, never, out.data());
  return out;
}

template <typename Scalar>
std::vector<Scalar> trained(const Problem<Scalar>& p, const Table& inputs, const Rule& rule,
                            const EpochSettings& settings, int threads, EpochResult& result) {
  Network<Scalar> network(p.network.architecture());
  const Index n = p.network.layout().n_values();
  std::copy_n(p.network.parameters(), n, network.parameters());
  Optimizer<Scalar> optimizer(rule, p.network.layout().n_parameters());
  Samples samples = p.samples();
  samples.inputs = inputs;
  for (int epoch = 0; epoch < 2; ++epoch) {
    result =
        eigenmlp::train_epoch(network, optimizer, samples, {}, settings, Threads{threads}, never);
  }
  // Between sparse epochs comes a dense one, and predictions in either order of the weights.
  samples.inputs = p.table;
  predicted(network, inputs, threads);
  result =
      eigenmlp::train_epoch(network, optimizer, samples, {}, settings, Threads{threads}, never);
  const auto* begin = static_cast<const Network<Scalar>&>(network).parameters();
  return {begin, begin + n};
}

template <typename Scalar>
void has_the_dense_bits(const std::vector<Index>& sizes, unsigned per_mille) {
  Problem<Scalar> p(sizes, 333);
  thin_out(p, per_mille);
  const SparseCopy narrow(p.table, false);
  const SparseCopy wide(p.table, true, 5);
  const std::vector<Scalar> expected = predicted(p.network, p.table, 1);
  for (const int threads : {1, 2, 3, 5}) {
    const std::string what = " of " + std::to_string(per_mille) + "‰ on " + std::to_string(threads);
    check::equal(same(predicted(p.network, narrow.table, threads), expected), true,
                 "predictions" + what);
    check::equal(same(predicted(p.network, wide.table, threads), expected), true,
                 "predictions with places of 64 bits" + what);
  }
  const EpochSettings plain = problem::settings(50, 0.01);
  EpochSettings penalized = problem::settings(50, 0.01, {0.01, true, true});
  penalized.objective = true;
  EpochSettings bounded = penalized;
  bounded.clipping = {0.001, 0.01};
  EpochSettings values = plain;
  values.clipping.value = 0.001;
  const EpochSettings whole = problem::settings(333, 0.01, {0.01, false, false});
  const EpochSettings chunks = problem::settings(200, 0.01);
  const Rule rules[] = {Sgd{}, Momentum{0.9, true}, Adam{{0.9, 0.999, 1e-8, true}, false},
                        AdamW{{}, 0.01, false}};
  int threads = 1;
  for (const EpochSettings& settings : {plain, penalized, bounded, values, whole, chunks}) {
    for (const Rule& rule : rules) {
      threads = threads % 5 + 1;
      EpochResult dense;
      EpochResult sparse;
      const std::vector<Scalar> a = trained(p, p.table, rule, settings, 1, dense);
      const std::vector<Scalar> b = trained(p, wide.table, rule, settings, threads, sparse);
      check::equal(same(a, b), true, "training of " + std::to_string(per_mille) + "‰");
      check::equal(sparse.objective, dense.objective, "objective");
      check::equal(sparse.penalty, dense.penalty, "penalty");
    }
  }
}

TEST(sparse_inputs_have_the_dense_bits) {
  for (const unsigned per_mille : {0U, 1U, 50U, 500U, 1000U}) {
    has_the_dense_bits<float>({300, 37, 3}, per_mille);
    has_the_dense_bits<double>({37, 130, 20, 4}, per_mille);
    has_the_dense_bits<float>({50, 3}, per_mille);
  }
  has_the_dense_bits<double>({1, 2}, 500);
}

// More stored numbers than a chunk takes, and more steps than wait at most.
TEST(sparse_batches_in_chunks_and_long_epochs_have_the_dense_bits) {
  Problem<float> p({1500, 9, 3}, 700);
  thin_out(p, 700);
  const SparseCopy sparse(p.table, false);
  EpochResult result;
  for (const Index batch : {Index{1}, Index{700}}) {
    EpochSettings settings = problem::settings(batch, 0.001, {0.01, true, true});
    settings.objective = true;
    const std::vector<float> a = trained(p, p.table, Adam{}, settings, 1, result);
    const double objective = result.objective;
    const std::vector<float> b = trained(p, sparse.table, Adam{}, settings, 3, result);
    check::equal(same(a, b), true, "training in batches of " + std::to_string(batch));
    check::equal(result.objective, objective, "objective");
  }
}

TEST(sparse_gradients_have_the_dense_bits) {
  Problem<double> p({40, 17, 3}, 1000);
  thin_out(p, 100);
  const SparseCopy sparse(p.table, true);
  const Index n = p.network.layout().n_parameters();
  const auto gradient = [&](const Table& inputs, int threads) {
    std::vector<double> out(static_cast<std::size_t>(n));
    Samples samples = p.samples();
    samples.inputs = inputs;
    eigenmlp::loss_and_gradient(p.network, samples, {}, {}, {0.1, true, false}, {},
                                Threads{threads}, never, out.data());
    return out;
  };
  for (const int threads : {1, 2, 3}) {
    check::equal(same(gradient(sparse.table, threads), gradient(p.table, 1)), true, "gradient");
  }
}

TEST(a_sum_is_exact_in_any_order) {
  eigenmlp::ExactSum up;
  eigenmlp::ExactSum down;
  std::vector<double> values{1e300, 1, 1e-300, 5e-324, 0, 1e16, 1};
  for (int i = 0; i < 1000; ++i) values.push_back(std::ldexp(1 + i / 1000.0, i % 600 - 300));
  for (std::size_t i = 0; i < values.size(); ++i) {
    up.add(values[i]);
    down.add(values[values.size() - 1 - i]);
  }
  check::equal(up.total(), down.total(), "a sum and the same backwards");
  eigenmlp::ExactSum small;
  for (int i = 0; i < 1000; ++i) small.add(0.1);
  check::close(small.total(), 100, 1e-15, "a thousand tenths");
  eigenmlp::ExactSum lost;
  lost.add(1e16);
  lost.add(1);
  lost.add(1);
  check::equal(lost.total(), 1e16 + 2, "what doubles lose one by one");
  lost.add(std::nan(""));
  check::equal(std::isfinite(lost.total()), false, "a sum with a NaN");
}

TEST(squares_by_input_are_those_of_the_weights) {
  Problem<float> p({300, 21, 3}, 1);
  const auto& network = static_cast<const Network<float>&>(p.network);
  double expected = 0;
  for (Index i = 0; i < Index{300} * 21; ++i) {
    expected += static_cast<double>(network.parameters()[i]) * network.parameters()[i];
  }
  check::close(eigenmlp::first_squares(network), expected, 1e-12, "Σ w²");
}

TEST(places_that_lie_are_found) {
  Problem<float> p({6, 2}, 4);
  const auto with = [&](std::vector<std::int32_t> begins, std::vector<std::int32_t> columns) {
    struct Told {
      bool begins_hold;
      Index unordered;
      bool stray;
    };
    Table table = p.table;
    table.begins = begins.data();
    table.columns = columns.data();
    table.stored = static_cast<Index>(columns.size());
    bool stray = false;
    for (Index i = 0; i < 4; ++i) stray = stray || eigenmlp::first_stray(table, i).has_value();
    return Told{eigenmlp::begins_hold(table), eigenmlp::first_unordered_sample(table), stray};
  };
  const auto right = with({0, 2, 2, 3, 4}, {0, 5, 1, 2});
  check::equal(right.begins_hold && right.unordered == 4 && !right.stray, true, "right places");
  check::equal(with({1, 2, 2, 3, 4}, {0, 5, 1, 2}).begins_hold, false, "a beginning behind 0");
  check::equal(with({0, 3, 2, 3, 4}, {0, 5, 1, 2}).begins_hold, false, "falling beginnings");
  check::equal(with({0, 2, 2, 3, 5}, {0, 5, 1, 2}).begins_hold, false, "an end behind all");
  check::equal(with({0, 2, 2, 3, 4}, {0, 6, 1, 2}).stray, true, "a feature too many");
  check::equal(with({0, 2, 2, 3, 4}, {0, 5, -1, 2}).stray, true, "a negative feature");
  check::equal(with({0, 2, 2, 3, 4}, {5, 0, 1, 2}).unordered, Index{0}, "falling features");
  check::equal(with({0, 2, 2, 4, 4}, {0, 5, 2, 2}).unordered, Index{2}, "a feature twice");
}

// Their owner may change places after the check: results are then wrong, but nothing is read or
// written elsewhere, which the sanitizers would tell.
TEST(places_that_change_later_lead_nowhere_else) {
  Problem<float> p({6, 9, 2}, 100);
  const std::int32_t wild[] = {-2147483647, -1, 0, 5, 6, 1000, 2147483647};
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> begins(101);
    std::vector<std::int32_t> columns(150);
    for (auto& begin : begins) begin = wild[random() % 7];
    for (auto& column : columns) column = wild[random() % 7];
    Table table = p.table;
    table.begins = begins.data();
    table.columns = columns.data();
    table.stored = 150;
    predicted(p.network, table, 2);
    EpochResult result;
    Network<float> network(p.network.architecture());
    Optimizer<float> optimizer(Adam{}, network.layout().n_parameters());
    Samples samples = p.samples();
    samples.inputs = table;
    eigenmlp::train_epoch(network, optimizer, samples, {}, problem::settings(30, 0.01), Threads{2},
                          never);
  }
}

#ifdef __linux__
// A table of 2^31 and some stored numbers, of which all but the last are in memory that nobody has
// touched.
TEST(stored_numbers_beyond_2_31_are_found) {
  constexpr Index kBefore = (Index{1} << 31) + 5;
  constexpr Index kRows = 70;
  const auto map = [](Index bytes) {
    void* const memory = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) check::fail("no room for addresses");
    return memory;
  };
  Problem<float> p({6, 9, 2}, kRows);
  const SparseCopy near(p.table, true);
  const Index stored = near.table.stored;
  auto* const values = static_cast<float*>(map((kBefore + stored) * Index{sizeof(float)}));
  auto* const columns = static_cast<std::int64_t*>(map((kBefore + stored) * 8));
  std::vector<std::int64_t> begins;
  for (Index i = 0; i <= kRows; ++i) {
    begins.push_back(kBefore + static_cast<const std::int64_t*>(near.table.begins)[i]);
  }
  std::copy_n(static_cast<const float*>(near.table.data), stored, values + kBefore);
  std::copy_n(static_cast<const std::int64_t*>(near.table.columns), stored, columns + kBefore);
  Table far = near.table;
  far.data = values;
  far.columns = columns;
  far.begins = begins.data();
  far.stored = kBefore + stored;
  check::equal(eigenmlp::first_bad_sample<float>(far, never), kRows, "all samples are good");
  check::equal(eigenmlp::first_unordered_sample(far), kRows, "all are in order");
  check::equal(same(predicted(p.network, far, 2), predicted(p.network, p.table, 1)), true,
               "predictions");
  EpochResult result;
  const EpochSettings settings = problem::settings(30, 0.01);
  const std::vector<float> a = trained(p, far, Adam{}, settings, 2, result);
  check::equal(same(a, trained(p, p.table, Adam{}, settings, 1, result)), true, "training");
  munmap(values, static_cast<std::size_t>((kBefore + stored) * Index{sizeof(float)}));
  munmap(columns, static_cast<std::size_t>((kBefore + stored) * 8));
}
#endif

}  // namespace
