// Threads that train, ask, destroy and replace networks in any order, for the sanitizers.
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "check.hpp"
#include "network/inference.hpp"
#include "problem.hpp"
#include "system/fair_mutex.hpp"

namespace {

using eigenmlp::FairMutex;
using eigenmlp::Index;
using eigenmlp::Optimizer;
using eigenmlp::Use;
using problem::never;
using problem::Problem;

constexpr int kCallers = 8;
constexpr int kNetworks = 20;
constexpr int kUses = 60;
constexpr Index kSamples = 90;
constexpr Index kClasses = 3;

// A network that callers share, as the bindings have them.
struct Slot {
  eigenmlp::FairMutex mutex;
  std::unique_ptr<Problem<float>> problem;
};

void make(Slot& slot, unsigned seed) {
  const Index width = 1 + static_cast<Index>(seed % 40);
  slot.problem =
      std::make_unique<Problem<float>>(std::vector<Index>{7, width, 5, kClasses}, kSamples, seed);
}

void train(Problem<float>& p, int threads) {
  Optimizer<float> adam(eigenmlp::Adam{}, p.network.layout().n_parameters());
  eigenmlp::train_epoch(p.network, adam, p.samples(), {}, problem::settings(32, 0.01), {threads},
                        never);
}

// Whether a sample alone has the bits that it has among all.
bool predicts_the_same(const Problem<float>& p, int threads) {
  std::vector<float> all(kSamples * kClasses);
  std::array<float, kClasses> alone{};
  eigenmlp::predict_outputs(p.network, p.table, {threads}, never, all.data());
  eigenmlp::Table first = p.table;
  first.count = 1;
  eigenmlp::predict_outputs(p.network, first, {threads}, never, alone.data());
  return std::equal(alone.begin(), alone.end(), all.begin());
}

TEST(many_threads_use_many_networks_in_any_order) {
  std::array<Slot, kNetworks> slots;
  for (unsigned i = 0; i < kNetworks; ++i) make(slots[i], i);
  std::atomic<int> wrong{0};
  std::vector<std::jthread> callers;
  for (unsigned caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      std::mt19937 random(caller);
      for (int use = 0; use < kUses; ++use) {
        Slot& slot = slots[random() % kNetworks];
        const int threads = 1 + static_cast<int>(random() % 3);
        const auto what = random() % 4;
        if (what == 0) {
          FairMutex::Turn turn(slot.mutex, Use::kWrite);
          turn.wait(never);
          train(*slot.problem, threads);
        } else if (what == 1) {
          FairMutex::Turn turn(slot.mutex, Use::kWrite);
          turn.wait(never);
          make(slot, static_cast<unsigned>(random()));
        } else if (what == 2) {
          FairMutex::Turn turn(slot.mutex, Use::kRead);
          turn.wait(never);
          const auto scores = eigenmlp::evaluate(slot.problem->network, slot.problem->samples(), {},
                                                 {threads}, never);
          wrong += !(scores && scores->weight == kSamples);
        } else {
          FairMutex::Turn turn(slot.mutex, Use::kRead);
          turn.wait(never);
          wrong += !predicts_the_same(*slot.problem, threads);
        }
      }
    });
  }
  callers.clear();
  check::equal(wrong.load(), 0, "wrong answers");
}

}  // namespace
