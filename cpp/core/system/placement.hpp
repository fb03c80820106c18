// A core of its own for every thread of a call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#ifdef __linux__
#include <sched.h>
#endif

namespace eigenmlp {

// Schedulers like to wake a thread where the thread that wakes it runs, and some pack threads on
// few cores on purpose. Two threads of a call then take turns on one core, asleep at every barrier,
// and look too idle to be moved apart: an epoch on two threads takes longer than on one. So every
// thread of a call claims the core that it finds itself on. One that finds another's, at its start
// or at a barrier, keeps off the cores of the others until the call ends; which of the rest it
// takes is the choice of the scheduler, which knows of other calls and other programs.
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
  ~Placement() {
    leave();
#ifdef __linux__
    seat_ = outer_;
#endif
  }
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
    if (seat_.kept_off) sched_setaffinity(0, sizeof(allowed_), &allowed_);
    seat_ = kNoSeat;
#endif
  }

  // Called now and then by the threads of any call.
  static void hold() {
#ifdef __linux__
    if (seat_.placement) seat_.placement->settle();
#endif
  }

 private:
#ifdef __linux__
  static constexpr int kBits = 64;

  // Where a thread of a call belongs; without a placement, anywhere.
  struct Seat {
    Placement* placement;
    int core;       // -1: none yet
    bool kept_off;  // of the others' cores
  };
  static constexpr Seat kNoSeat{nullptr, -1, false};

  void take_seat() {
    if (!known_ || crowded_) return;
    seat_.placement = this;
    settle();
  }

  void settle() {
    const int core = sched_getcpu();
    if (core < 0 || core == seat_.core || take(core)) return;
    cpu_set_t free = allowed_;
    for (int other = 0; other < CPU_SETSIZE; ++other) {
      if (other != seat_.core && CPU_ISSET(other, &free) && is_claimed(other)) {
        CPU_CLR(other, &free);
      }
    }
    if (sched_setaffinity(0, sizeof(free), &free) != 0) return;
    seat_.kept_off = true;
    if (sched_getcpu() != seat_.core) take(sched_getcpu());
  }

  // Claims a core instead of the one before, if no other thread has it.
  bool take(int core) {
    if (core < 0 || core >= CPU_SETSIZE) return false;
    const std::uint64_t bit = std::uint64_t{1} << (core % kBits);
    if ((word(core).fetch_or(bit) & bit) != 0) return false;
    const int before = std::exchange(seat_.core, core);
    if (before >= 0) word(before).fetch_and(~(std::uint64_t{1} << (before % kBits)));
    return true;
  }
  bool is_claimed(int core) { return (word(core) >> (core % kBits) & 1) != 0; }
  std::atomic<std::uint64_t>& word(int core) {
    return claimed_[static_cast<std::size_t>(core / kBits)];
  }

  static inline thread_local Seat seat_ = kNoSeat;

  // A signal's handler may call in the middle of a call.
  Seat outer_ = std::exchange(seat_, kNoSeat);
  bool known_ = false;
  bool crowded_ = false;
  cpu_set_t allowed_{};
  std::array<std::atomic<std::uint64_t>, CPU_SETSIZE / kBits> claimed_{};
#endif
};

}  // namespace eigenmlp
