// A core of its own for every thread of a call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#ifdef __linux__
#include <sched.h>
#endif

namespace eigenmlp {

// The scheduler likes to wake a thread where the thread that wakes it runs. The two then take turns
// on one core, asleep at every barrier, and look too idle to be moved apart: an epoch on two
// threads takes as long as on one. So every thread of a call claims the core that it finds itself
// on, and one that finds its core claimed moves to another.
class Placement {
 public:
  // For `threads` threads, called by the first of them.
  explicit Placement(int threads) {
#ifdef __linux__
    known_ = sched_getaffinity(0, sizeof(allowed_), &allowed_) == 0;
    crowded_ = threads > CPU_COUNT(&allowed_);
    if (known_ && !crowded_) claim(sched_getcpu());
#else
    static_cast<void>(threads);
#endif
  }

  // Called by each of the others at its start. They run where the first thread may, also where that
  // has changed since they were started.
  void settle() {
#ifdef __linux__
    if (!known_) return;
    const int core = sched_getcpu();
    const bool outside = core < 0 || core >= CPU_SETSIZE || !CPU_ISSET(core, &allowed_);
    if (!crowded_ && (outside || !claim(core))) {
      cpu_set_t free = allowed_;
      for (int other = 0; other < CPU_SETSIZE; ++other) {
        if (CPU_ISSET(other, &free) && is_claimed(other)) CPU_CLR(other, &free);
      }
      if (sched_setaffinity(0, sizeof(free), &free) == 0) claim(sched_getcpu());
    }
    sched_setaffinity(0, sizeof(allowed_), &allowed_);
#endif
  }

 private:
#ifdef __linux__
  static constexpr int kBits = 64;

  bool claim(int core) {
    if (core < 0 || core >= CPU_SETSIZE) return true;
    const std::uint64_t bit = std::uint64_t{1} << (core % kBits);
    return (claimed_[static_cast<std::size_t>(core / kBits)].fetch_or(bit) & bit) == 0;
  }
  bool is_claimed(int core) const {
    return (claimed_[static_cast<std::size_t>(core / kBits)] >> (core % kBits) & 1) != 0;
  }

  bool known_ = false;
  bool crowded_ = false;
  cpu_set_t allowed_;
  std::array<std::atomic<std::uint64_t>, CPU_SETSIZE / kBits> claimed_{};
#endif
};

}  // namespace eigenmlp
