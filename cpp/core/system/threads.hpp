// Threads that wait between calls instead of being started anew, and what a call needs of them.
#pragma once

#include <atomic>

#include "shapes/types.hpp"

namespace eigenmlp {

// How many threads a call may use: `count`, if its work has so many parts, or up to `count` as the
// work deserves.
struct Threads {
  int count = 1;
  bool exact = true;
};

// Cores this process may use: its CPU affinity where the system has one.
int available_cores();

// Threads that all calls together use at present.
int threads_at_work();

namespace detail {

using Body = void (*)(void* state, int thread);
void run_on_threads(int count, Body body, void* state);

}  // namespace detail

// Runs body(0) on this thread and body(1) … body(count - 1) on others, and waits for all of them.
// The others come from a pool that any number of callers share: each has threads of its own for the
// length of the call. body must not throw. Throws std::runtime_error, before any body ran, if a
// thread can't be started.
template <typename Function>
void run_on_threads(int count, Function&& body) {
  detail::run_on_threads(
      count, [](void* state, int thread) { (*static_cast<Function*>(state))(thread); }, &body);
}

// Where `count` threads wait for each other: first spinning, then asleep.
class Barrier {
 public:
  explicit Barrier(int count);

  void arrive_and_wait();

 private:
  int count_;
  int spins_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

}  // namespace eigenmlp
