// The same bits for any number of threads, and no data race (run under ThreadSanitizer too).
#include <atomic>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "check.hpp"
#include "network/inference.hpp"
#include "problem.hpp"
#include "system/placement.hpp"
#include "system/threads.hpp"

namespace {

using eigenmlp::Index;
using eigenmlp::Optimizer;
using problem::never;
using problem::Problem;
using problem::settings;

template <typename Scalar>
std::vector<Scalar> trained(const std::vector<Index>& sizes, Index n_samples, Index batch_size,
                            int threads) {
  Problem<Scalar> p(sizes, n_samples);
  const Index n = p.network.layout().n_parameters();
  Optimizer<Scalar> adam(eigenmlp::Adam{}, n);
  double loss = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    const auto result =
        eigenmlp::train_epoch(p.network, adam, p.samples(), {},
                              settings(batch_size, 0.01, {0.01, epoch == 1}), {threads}, never);
    loss = result.sum.loss;
  }
  std::vector<Scalar> out(p.network.parameters(), p.network.parameters() + n);
  out.push_back(static_cast<Scalar>(loss));
  std::vector<Scalar> probabilities(static_cast<std::size_t>(n_samples * sizes.back()));
  eigenmlp::predict_outputs(p.network, p.table, {threads}, never, probabilities.data());
  out.insert(out.end(), probabilities.begin(), probabilities.end());
  return out;
}

template <typename Scalar>
void same_bits(const std::vector<Index>& sizes, Index n_samples, Index batch_size) {
  const auto expected = trained<Scalar>(sizes, n_samples, batch_size, 1);
  for (const int threads : {2, 3, 5}) {
    check::equal(trained<Scalar>(sizes, n_samples, batch_size, threads) == expected, true,
                 std::to_string(threads) + " threads");
  }
}

TEST(any_number_of_threads_gives_the_same_bits) {
  same_bits<float>({13, 17, 7, 5}, 333, 100);
  same_bits<double>({13, 17, 7, 5}, 333, 100);
  same_bits<float>({3, 2}, 700, 700);
  same_bits<double>({65, 33, 31, 2}, 150, 149);
}

TEST(shares_cover_everything_once) {
  for (const Index total : {0, 1, 5, 6, 7, 100}) {
    for (const int count : {1, 2, 3, 7}) {
      Index at = 0;
      for (int thread = 0; thread < count; ++thread) {
        const auto share = eigenmlp::share_of(total, thread, count);
        check::equal(share.begin, at, "begins where the last one ended");
        at = share.end;
      }
      check::equal(at, total, "ends at the end");
    }
  }
}

TEST(every_thread_runs_once) {
  std::vector<std::atomic<int>> runs(8);
  eigenmlp::run_on_threads(8, [&](int thread) { ++runs[static_cast<std::size_t>(thread)]; });
  for (const auto& count : runs) check::equal(count.load(), 1, "runs");
}

TEST(several_networks_train_at_once) {
  const auto expected = trained<float>({9, 8, 4}, 120, 50, 2);
  std::vector<std::jthread> callers;
  std::atomic<int> equal{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] { equal += trained<float>({9, 8, 4}, 120, 50, 2) == expected; });
  }
  callers.clear();
  check::equal(equal.load(), 4, "runs with the same result");
}

TEST(one_sample_follows_the_weights_on_every_thread) {
  Problem<float> p({21, 70, 129, 3}, 40);
  Optimizer<float> sgd;
  const auto first_sample = [&](Index n_samples) {
    std::vector<float> out(static_cast<std::size_t>(n_samples * 3));
    eigenmlp::Table chosen = p.table;
    chosen.count = n_samples;
    eigenmlp::predict_outputs(p.network, chosen, {2}, never, out.data());
    out.resize(3);
    return out;
  };
  for (int epoch = 0; epoch < 3; ++epoch) {
    const std::vector<float> expected = first_sample(40);
    std::atomic<int> equal{0};
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) callers.emplace_back([&] { equal += first_sample(1) == expected; });
    callers.clear();
    check::equal(equal.load(), 4, "callers with the bits of the batch");
    eigenmlp::train_epoch(p.network, sgd, p.samples(), {}, settings(10, 0.1), {2}, never);
    check::equal(first_sample(40) == expected, false, "the same after training");
  }
}

TEST(many_rounds_of_a_barrier_lose_nobody) {
  for (const int threads : {1, 2, 3, 6}) {
    eigenmlp::Barrier barrier(threads);
    std::vector<int> rounds(static_cast<std::size_t>(threads));
    std::atomic<int> behind{0};
    eigenmlp::run_on_threads(threads, [&](int thread) {
      for (int round = 1; round <= 2000; ++round) {
        rounds[static_cast<std::size_t>(thread)] = round;
        barrier.arrive_and_wait();
        for (const int other : rounds) behind += other != round;
        barrier.arrive_and_wait();
      }
    });
    check::equal(behind.load(), 0, "threads behind the others");
  }
}

#ifdef __linux__
cpu_set_t affinity() {
  cpu_set_t cores;
  check::equal(sched_getaffinity(0, sizeof(cores), &cores), 0, "affinity is known");
  return cores;
}

void move_to(int core) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(core, &only);
  sched_setaffinity(0, sizeof(only), &only);
}

// Two threads, one of which is moved to the core of the other, as a scheduler might; returns that
// core and the cores that the moved one may use afterwards. call_within: the first thread makes a
// call of its own before, as a signal's handler might.
std::pair<int, cpu_set_t> moved_together(int moved, bool call_within) {
  eigenmlp::Barrier barrier(2);
  int core = 0;
  cpu_set_t left;
  eigenmlp::run_on_threads(2, [&](int thread) {
    if (call_within && thread == 0) eigenmlp::run_on_threads(2, [](int) {});
    barrier.arrive_and_wait();
    // The other one stays on a core of its own, so that it is known. It may be found on the moved
    // one's, where a scheduler has put it meanwhile: it then has to leave first.
    if (thread != moved) {
      cpu_set_t own;
      do {
        move_to(core = sched_getcpu());
        eigenmlp::Placement::hold();
        own = affinity();
      } while (!CPU_ISSET(core, &own));
    }
    barrier.arrive_and_wait();
    if (thread == moved) move_to(core);
    barrier.arrive_and_wait();
    if (thread == moved) left = affinity();
  });
  return {core, left};
}

TEST(a_thread_moved_to_the_core_of_another_leaves_it_until_the_call_ends) {
  const cpu_set_t before = affinity();
  if (CPU_COUNT(&before) < 2) return;
  for (const auto& [moved, call_within] : {std::pair{1, false}, {0, false}, {0, true}}) {
    const auto [core, left] = moved_together(moved, call_within);
    const cpu_set_t after = affinity();
    sched_setaffinity(0, sizeof(before), &before);
    check::equal(CPU_ISSET(core, &left), 0, "whether it may stay on that core");
    // The first thread has put itself on one core only where it was not the moved one.
    if (moved == 0) check::equal(CPU_EQUAL(&before, &after) != 0, true, "cores as before the call");
  }
}
#endif

TEST(subnormals_are_zeros_on_every_thread_and_afterwards_what_they_were) {
  volatile float tiny = std::numeric_limits<float>::min();
  const auto keeps_subnormals = [&] { return tiny / 4 != 0; };
  check::equal(keeps_subnormals(), true, "before");
  std::atomic<int> kept{0};
  eigenmlp::run_on_threads(3, [&](int) { kept += keeps_subnormals(); });
  check::equal(kept.load(), 0, "threads that keep subnormals");
  check::equal(keeps_subnormals(), true, "after");
}

}  // namespace
