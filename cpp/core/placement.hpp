// A core of its own for every thread of a call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#ifdef __linux__
#include <sched.h>
#endif

namespace eigenmlp {

// Schedulers like to wake a thread where the thread that wakes it runs, and some pack threads on
// few cores on purpose. Two threads of a call then take turns on one core, asleep at every barrier,
// and look too idle to be moved apart: an epoch on two threads takes longer than on one. So every
// thread of a call claims the core that it finds itself on. One whose core is claimed already takes
// another, and one that is moved to another's core later goes back, and stays until the call ends.
class Placement {
 public:
  // For `threads` threads, made and destroyed by the first of them, around the work of all.
  explicit Placement(int threads) {
#ifdef __linux__
    known_ = sched_getaffinity(0, sizeof(allowed_), &allowed_) == 0;
    crowded_ = threads > CPU_COUNT(&allowed_);
    take_seat();
#else
    static_cast<void>(threads);
#endif
  }
  ~Placement() { leave(); }
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  // Called by each of the others at its start. They run where the first thread may, also where that
  // has changed since they were started.
  void join() {
#ifdef __linux__
    if (known_) sched_setaffinity(0, sizeof(allowed_), &allowed_);
    take_seat();
#endif
  }

  // Called by each of the others at its end.
  void leave() {
#ifdef __linux__
    if (seat_.pinned) sched_setaffinity(0, sizeof(allowed_), &allowed_);
    seat_ = {nullptr, -1, false};
#endif
  }

  // Called now and then by threads of any call: moves this one back if it is on another's core.
  static void hold() {
#ifdef __linux__
    if (!seat_.placement) return;
    const int core = sched_getcpu();
    if (core == seat_.core) return;
    if (seat_.placement->claim(core)) {
      seat_.placement->release(seat_.core);
      seat_.core = core;
    } else {
      pin(seat_.core);
    }
#endif
  }

 private:
#ifdef __linux__
  static constexpr int kBits = 64;

  // Where a thread of a call belongs; without a placement, anywhere.
  struct Seat {
    Placement* placement;
    int core;
    bool pinned;
  };

  void take_seat() {
    if (!known_ || crowded_) return;
    int core = sched_getcpu();
    if (!claim(core)) {
      core = 0;
      while (core < CPU_SETSIZE && !(CPU_ISSET(core, &allowed_) && claim(core))) ++core;
      if (core == CPU_SETSIZE) return;
      pin(core);
    }
    seat_.placement = this;
    seat_.core = core;
  }

  static void pin(int core) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    seat_.pinned = sched_setaffinity(0, sizeof(only), &only) == 0 || seat_.pinned;
  }

  // Whether the core was free. Cores that have no bit can't be claimed.
  bool claim(int core) {
    if (core < 0 || core >= CPU_SETSIZE) return false;
    const std::uint64_t bit = std::uint64_t{1} << (core % kBits);
    return (claimed_[static_cast<std::size_t>(core / kBits)].fetch_or(bit) & bit) == 0;
  }
  void release(int core) {
    const std::uint64_t bit = std::uint64_t{1} << (core % kBits);
    claimed_[static_cast<std::size_t>(core / kBits)].fetch_and(~bit);
  }

  static inline thread_local Seat seat_{nullptr, -1, false};

  bool known_ = false;
  bool crowded_ = false;
  cpu_set_t allowed_;
  std::array<std::atomic<std::uint64_t>, CPU_SETSIZE / kBits> claimed_{};
#endif
};

}  // namespace eigenmlp
