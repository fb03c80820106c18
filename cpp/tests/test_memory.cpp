// Memory: whatever allocation fails, the error is std::bad_alloc and the network is as it was; and
// the pieces of a pass are what was measured for them.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "check.hpp"
#include "network/inference.hpp"
#include "network/loss_gradient.hpp"
#include "network/pass_memory.hpp"
#include "problem.hpp"
#include "sparse_copy.hpp"

namespace {

using eigenmlp::Activation;
using eigenmlp::Adam;
using eigenmlp::Architecture;
using eigenmlp::Index;
using eigenmlp::Layout;
using eigenmlp::Normalization;
using eigenmlp::Optimizer;
using eigenmlp::PassMemory;
using eigenmlp::Scratch;
using problem::never;
using problem::Problem;
using problem::SparseCopy;

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
  Optimizer<float> adam(Adam{}, p.network.layout().n_parameters());
  eigenmlp::EpochSettings settings = problem::settings(200, 0.01);
  settings.clipping.norm = 1;
  eigenmlp::train_epoch(p.network, adam, p.samples(), {}, settings, {3}, never);
  return parameters(p);
}

std::vector<float> train_sparsely(Problem<float>& p) {
  const SparseCopy inputs(p.table, false);
  Optimizer<float> adam(Adam{}, p.network.layout().n_parameters());
  eigenmlp::Samples samples = p.samples();
  samples.inputs = inputs.table;
  eigenmlp::train_epoch(p.network, adam, samples, {}, problem::settings(200, 0.01), {3}, never);
  return parameters(p);
}

std::vector<float> predict(Problem<float>& p, Index n_samples) {
  std::vector<float> out(static_cast<std::size_t>(n_samples * kClasses));
  eigenmlp::Table chosen = p.table;
  chosen.count = n_samples;
  eigenmlp::predict_outputs(p.network, chosen, {3}, never, out.data());
  return out;
}

std::vector<float> evaluate(Problem<float>& p) {
  const auto sum = eigenmlp::evaluate(p.network, p.samples(), {}, {3}, never);
  return {static_cast<float>(sum->loss), static_cast<float>(sum->correct)};
}

std::vector<float> gradient(Problem<float>& p) {
  std::vector<float> out(static_cast<std::size_t>(p.network.layout().n_parameters()));
  eigenmlp::loss_and_gradient(p.network, p.samples(), {}, {}, {}, {}, {3}, never, out.data());
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
    survives(architecture, train_sparsely);
    survives(architecture, evaluate);
    survives(architecture, gradient);
    for (const Index n_samples : {Index{1}, kSamples}) {
      survives(architecture, [&](Problem<float>& p) { return predict(p, n_samples); });
    }
  }
}

// Cuts from a loan and notes every piece.
template <typename Scalar>
struct Recorder {
  struct Piece {
    Scalar* begin;
    Index size;
    bool zeros;
  };

  Scalar* cut(Index size) {
    pieces.push_back({loan.cut(size), size, false});
    return pieces.back().begin;
  }
  Scalar* cut_zeros(Index size) {
    pieces.push_back({loan.cut_zeros(size), size, true});
    return pieces.back().begin;
  }

  typename Scratch<Scalar>::Loan& loan;
  std::vector<Piece> pieces;
};

// The pieces of a pass follow one another without overlap, aligned, and end where the measured size
// does; those with padding are zero, also in a buffer that was used before.
template <typename Scalar>
void check_pieces(const Architecture& architecture, Index n_panels, bool sparse,
                  const std::string& which) {
  const Layout layout(architecture);
  const Index size = PassMemory<Scalar>::size(layout, n_panels, sparse);
  // More than was measured, so that a wrong size is told rather than written beyond.
  const Index room = 2 * size + 1024;
  Scratch<Scalar> scratch;
  {
    auto used = scratch.borrow(room);
    std::fill_n(used.cut(room), room, Scalar(7));
  }
  auto loan = scratch.borrow(room);
  Recorder<Scalar> recorder{loan, {}};
  const PassMemory<Scalar> memory(layout, n_panels, sparse, recorder);
  check::equal(memory.panels.size(), layout.sizes().size(), which + ", layers of units");
  const Scalar* const begin = recorder.pieces.front().begin;
  const Scalar* free = begin;
  for (const auto& piece : recorder.pieces) {
    check::equal(piece.begin >= free, true, which + ", a piece begins after the one before");
    check::equal(reinterpret_cast<std::uintptr_t>(piece.begin) % eigenmlp::kAlignment, 0U,
                 which + ", alignment");
    free = piece.begin + piece.size;
    check::equal(piece.zeros,
                 std::all_of<const Scalar*>(piece.begin, free, [](Scalar x) { return x == 0; }),
                 which + ", zeros");
  }
  check::equal(Scratch<Scalar>::padded(free - begin), size, which + ", size");
}

TEST(the_pieces_of_a_pass_are_what_was_measured) {
  for (const auto activation : {Activation::kRelu, Activation::kIdentity, Activation::kGelu}) {
    for (const auto normalization :
         {Normalization::kNone, Normalization::kBatch, Normalization::kLayer}) {
      for (const double dropout : {0.0, 0.5}) {
        for (const std::vector<Index>& sizes : std::vector<std::vector<Index>>{
                 {1, 1}, {3, 17, 2}, {16, 64, 8, 4}, {100, 129, 7, 33, 10}}) {
          Architecture architecture = Architecture::relu(sizes);
          for (auto& hidden : architecture.hidden) hidden = {activation, normalization, dropout};
          for (const Index n_panels : {1, 2, 8}) {
            const std::string which = std::to_string(static_cast<int>(activation)) + ", " +
                                      std::to_string(static_cast<int>(normalization)) + ", " +
                                      std::to_string(dropout) + ", " +
                                      std::to_string(sizes.size()) + " sizes, " +
                                      std::to_string(n_panels) + " panels";
            for (const bool sparse : {false, true}) {
              check_pieces<float>(architecture, n_panels, sparse, which);
              check_pieces<double>(architecture, n_panels, sparse, which);
            }
          }
        }
      }
    }
  }
}

}  // namespace
