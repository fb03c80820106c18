// Calls at the same time share the cores, and the results keep their bits.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "check.hpp"
#include "network/inference.hpp"
#include "problem.hpp"
#include "system/sharing.hpp"
#include "system/threads.hpp"

namespace {

using eigenmlp::Index;
using eigenmlp::Optimizer;
using eigenmlp::Sharing;
using eigenmlp::ThreadCount;
using eigenmlp::Threads;
using problem::never;
using problem::Problem;

constexpr Threads kAny{1000, false};

int chosen(const Threads& allowed, Index parts, double flops) {
  return ThreadCount(allowed, parts, flops).now();
}
int chosen() { return chosen(kAny, 1000, 1e12); }

// A thread that is one of those that share, as long as this lives.
class Another {
 public:
  Another()
      : thread_([this] {
          const Sharing sharing;
          came_.count_down();
          leave_.wait();
        }) {
    came_.wait();
  }
  ~Another() { leave_.count_down(); }
  Another(const Another&) = delete;
  Another& operator=(const Another&) = delete;

 private:
  std::latch came_{1};
  std::latch leave_{1};
  std::jthread thread_;
};

void no_limit() { eigenmlp::limit_threads(std::numeric_limits<int>::max()); }

TEST(threads_are_chosen_by_work_and_request) {
  check::equal(chosen({3, true}, 10, 1), 3, "the request counts");
  check::equal(chosen({3, true}, 2, 1e12), 2, "no more than parts");
  check::equal(chosen({8, false}, 100, 1e3), 1, "little work");
  check::equal(chosen({2, false}, 100, 1e12), std::min(2, eigenmlp::available_cores()),
               "much work");
}

TEST(calls_at_the_same_time_share_the_cores) {
  const int cores = eigenmlp::available_cores();
  check::equal(chosen(), cores, "alone");
  for (int others = 1; others < 2 * cores; ++others) {
    std::vector<std::unique_ptr<Another>> all(static_cast<std::size_t>(others));
    for (auto& another : all) another = std::make_unique<Another>();
    check::equal(eigenmlp::sharing_threads(), others, "that share");
    const int share = cores / (others + 1);
    check::equal(std::clamp(chosen(), std::max(1, share), share + 1), chosen(), "a share");
    check::equal(chosen({3, true}, 1000, 1e12), 3, "threads of who asks for them");
  }
  check::equal(chosen(), cores, "alone again");
}

TEST(shares_add_up_to_the_cores) {
  const int cores = eigenmlp::available_cores();
  for (int callers = 1; callers <= cores + 1; ++callers) {
    std::latch all_came(callers);
    std::latch all_measured(callers);
    std::atomic<int> sum{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < callers; ++i) {
      threads.emplace_back([&] {
        const Sharing sharing;
        all_came.arrive_and_wait();
        sum += chosen();
        all_measured.arrive_and_wait();
      });
    }
    threads.clear();
    check::equal(sum.load(), std::max(cores, callers), "threads of all callers");
  }
}

TEST(a_thread_shares_once_however_deep_it_is) {
  {
    const Sharing outer;
    const Sharing inner;
    check::equal(eigenmlp::sharing_threads(), 1, "within each other");
    check::equal(chosen(), eigenmlp::available_cores(), "threads of a call within a run");
    check::equal(eigenmlp::sharing_threads(), 1, "after that call");
  }
  check::equal(eigenmlp::sharing_threads(), 0, "afterwards");
  Sharing::leave();
  check::equal(eigenmlp::sharing_threads(), 0, "after one leave too many");
  std::jthread([] { Sharing::enter(); }).join();
  check::equal(eigenmlp::sharing_threads(), 0, "after a thread that ended without a leave");
}

TEST(a_limit_holds_for_calls_that_ask_for_no_number) {
  eigenmlp::limit_threads(1);
  check::equal(eigenmlp::thread_limit(), 1, "limit");
  check::equal(chosen(), 1, "limited");
  check::equal(chosen({3, true}, 1000, 1e12), 3, "asked for");
  eigenmlp::limit_threads(0);
  check::equal(eigenmlp::thread_limit(), 1, "the least is one");
  no_limit();
  check::equal(chosen(), eigenmlp::available_cores(), "no longer limited");
}

// Does something in the middle of a call, where it asks whether to stop, and counts the threads at
// work each time that it asks.
struct Middle {
  std::function<void(int time)> change;
  std::vector<int> at_work = {};

  bool operator()() {
    at_work.push_back(eigenmlp::threads_at_work());
    change(static_cast<int>(at_work.size()));
    return false;
  }
};

// Longer than a call waits until it looks again.
void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(11)); }

// What may happen in the middle of a call on two cores: the 3rd time that it asks it is to be one
// thread's, the 6th time two threads' again.
std::vector<std::function<void(int time)>> all_changes(std::optional<Another>& another) {
  return {[&](int time) {
            if (time == 3) another.emplace();
            if (time == 6) another.reset();
            if (time == 3 || time == 6) pause();
          },
          [](int time) {
            if (time == 3) eigenmlp::limit_threads(1);
            if (time == 6) no_limit();
            if (time == 3 || time == 6) pause();
          }};
}

// One time passes until the thread that asks has looked, and one until the pieces of the others
// are done.
void check_followed(const std::vector<int>& at_work) {
  const std::vector<int> expected{2, 2, 2, 2, 1, 1, 1, 2};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    check::equal(at_work.at(i), expected[i], "threads at time " + std::to_string(i + 1));
  }
}

template <typename Scalar>
std::vector<Scalar> trained(eigenmlp::EpochSettings settings, const Threads& threads,
                            const eigenmlp::StopRequested& stop) {
  Problem<Scalar> p({40, 64, 40, 5}, 1300);
  const Index n = p.network.layout().n_parameters();
  Optimizer<Scalar> adam(eigenmlp::Adam{}, n);
  settings.learning_rates.clear();
  for (int i = 0; i < 11; ++i) settings.learning_rates.push_back(0.01 / (1 + i));
  const auto result =
      eigenmlp::train_epoch(p.network, adam, p.samples(), {}, settings, threads, stop);
  check::equal(result.n_batches, Index{11}, "batches");
  check::equal(adam.clock(), std::int64_t{11}, "steps of the optimizer");
  std::vector<Scalar> out(p.network.parameters(), p.network.parameters() + n);
  out.push_back(static_cast<Scalar>(result.sum.loss));
  out.push_back(static_cast<Scalar>(result.objective));
  return out;
}

template <typename Scalar>
void follows_in_an_epoch(const eigenmlp::Clipping& clipping) {
  const eigenmlp::EpochSettings settings{128, {}, {}, {0.01, true}, clipping, true};
  const auto expected = trained<Scalar>(settings, {1}, never);
  std::optional<Another> another;
  for (const auto& change : all_changes(another)) {
    Middle middle{change};
    const auto result = trained<Scalar>(settings, {2, false}, std::ref(middle));
    check::equal(result == expected, true, "the same bits");
    check_followed(middle.at_work);
  }
}

TEST(an_epoch_follows_who_comes_and_goes) {
  if (eigenmlp::available_cores() < 2) return;
  follows_in_an_epoch<float>({});
  follows_in_an_epoch<double>({std::numeric_limits<double>::infinity(), 0.1});
}

TEST(a_prediction_follows_who_comes_and_goes) {
  if (eigenmlp::available_cores() < 2) return;
  Problem<float> p({60, 1000, 5}, 1);
  // The same sample over and over; while one thread pauses, the other goes on.
  p.table.stride = 0;
  p.table.count = 64 * 1000;
  const auto predicted = [&](const Threads& threads, const eigenmlp::StopRequested& stop) {
    std::vector<float> out(static_cast<std::size_t>(p.table.count * 5));
    check::equal(eigenmlp::predict_outputs(p.network, p.table, threads, stop, out.data()), true,
                 "whole");
    return out;
  };
  const auto expected = predicted({1}, never);
  std::optional<Another> another;
  for (const auto& change : all_changes(another)) {
    Middle middle{change};
    check::equal(predicted({2, false}, std::ref(middle)) == expected, true, "the same bits");
    check_followed(middle.at_work);
  }
}

}  // namespace
