// Threads for the length of one call: started at its beginning, joined at its end, so that nothing
// is left running between calls, after a fork or at exit.
#pragma once

#include <functional>

#include "types.hpp"

namespace eigenmlp {

// Cores this process may use: its CPU affinity where the system has one.
int available_cores();

// Threads worth using for steps of `flops` floating-point operations that split into `parts`.
// requested: the user's number, or 0 to decide here. Always at least 1.
int choose_threads(int requested, Index parts, double flops);

// Runs body(0) on this thread and body(1) … body(count - 1) on others, and waits for all of them.
// body must not throw. Throws std::system_error, before any body ran, if a thread can't be started.
void run_on_threads(int count, const std::function<void(int)>& body);

// The contiguous share of [0, total) that belongs to `thread` of `count`, in multiples of `grain`.
struct Share {
  Index begin;
  Index end;
};
Share share_of(Index total, Index grain, int thread, int count);

}  // namespace eigenmlp
