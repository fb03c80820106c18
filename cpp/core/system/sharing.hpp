// How many threads a call uses, where the calls of a process share its cores.
#pragma once

#include <chrono>
#include <optional>

#include "shapes/types.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

// The most threads that a call uses which isn't told how many: one for all calls of the process. At
// first there is none.
int thread_limit();
void limit_threads(int most);

// From its construction to its destruction the thread that makes it is one of those that share the
// cores. However many it has at once, it counts once.
class Sharing {
 public:
  Sharing() { enter(); }
  ~Sharing() { leave(); }
  Sharing(const Sharing&) = delete;
  Sharing& operator=(const Sharing&) = delete;

  // The same for whoever has a beginning and an end, but no object.
  static void enter();
  static void leave();
};

// Threads that share the cores at present.
int sharing_threads();

// How many threads a call uses, from the call's beginning to its end.
class ThreadCount {
 public:
  // For steps of `flops` floating-point operations, each of which splits into `parts`. As many as
  // are allowed and the steps are worth and, unless a number is asked for, as are this thread's
  // share of the cores.
  ThreadCount(const Threads& allowed, Index parts, double flops);

  // At least 1.
  int now() const { return now_; }

  // Asked on the thread that made it, between two pieces of the work: whether others came or went
  // so that now() is another number than before.
  bool changes();

 private:
  using Clock = std::chrono::steady_clock;

  void measure();

  int worth_;  // by the work alone
  int now_;
  // Of a call that isn't told how many:
  std::optional<Sharing> sharing_;
  int cores_ = 0;
  unsigned seen_ = 0;  // of what the share depends on
  Clock::time_point measured_;
};

}  // namespace eigenmlp
