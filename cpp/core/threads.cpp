#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace eigenmlp {

int available_cores() {
#ifdef __linux__
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(1, CPU_COUNT(&cores));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int choose_threads(int requested, Index parts, double flops) {
  // A step's two barriers cost some microseconds; below about this much work a second thread
  // loses more there than it gains.
  constexpr double kFlopsWorthAThread = 4e6;
  const Index most =
      requested > 0
          ? requested
          : std::min<Index>(available_cores(),
                            static_cast<Index>(std::min(flops / kFlopsWorthAThread, 1e6)));
  return static_cast<int>(std::clamp<Index>(most, 1, std::max<Index>(parts, 1)));
}

void run_on_threads(int count, const std::function<void(int)>& body) {
  enum Gate { kClosed, kOpen, kCancelled };
  std::atomic<int> gate{kClosed};
  std::vector<std::jthread> threads;
  const auto open = [&](Gate to) {
    gate.store(to);
    gate.notify_all();
  };
  try {
    threads.reserve(static_cast<std::size_t>(count - 1));
    for (int thread = 1; thread < count; ++thread) {
      threads.emplace_back([&gate, &body, thread] {
        gate.wait(kClosed);
        if (gate.load() == kOpen) body(thread);
      });
    }
  } catch (...) {
    open(kCancelled);
    throw;
  }
  open(kOpen);
  body(0);
}

Share share_of(Index total, Index grain, int thread, int count) {
  const Index grains = divide_up(total, grain);
  const auto cut = [&](Index part) { return std::min(total, grains * part / count * grain); };
  return {cut(thread), cut(thread + 1)};
}

}  // namespace eigenmlp
