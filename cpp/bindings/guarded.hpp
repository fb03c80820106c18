// Core objects as Python holds them: each with a lock of its own, so that several threads can use
// one object at once, with or without the GIL.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "gil.hpp"
#include "interrupts.hpp"
#include "network/network.hpp"
#include "shapes/optimizer.hpp"
#include "system/fair_mutex.hpp"

namespace eigenmlp {

// The one training run that a network may have. It ends with the object too: Ctrl-C may come where
// Python has the object already, but would not call __exit__ yet.
class Claim {
 public:
  explicit Claim(std::shared_ptr<std::atomic<bool>> claimed) : claimed_(std::move(claimed)) {
    if (claimed_->exchange(true)) {
      claimed_.reset();
      throw std::runtime_error(
          "this network is being trained already, by another thread or by the training run whose "
          "callback this is; train a copy (copy.deepcopy) instead");
    }
  }
  ~Claim() { release(); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  void release() {
    if (claimed_) claimed_->store(false);
    claimed_.reset();
  }

 private:
  std::shared_ptr<std::atomic<bool>> claimed_;
};

template <typename T>
struct Guarded {
  template <typename... Arguments>
  explicit Guarded(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}

  T value;
  mutable FairMutex mutex;
};

template <typename Scalar>
struct GuardedNetwork : Guarded<Network<Scalar>> {
  using Guarded<Network<Scalar>>::Guarded;

  std::shared_ptr<std::atomic<bool>> claimed = std::make_shared<std::atomic<bool>>(false);
};

template <typename Scalar>
using GuardedOptimizer = Guarded<Optimizer<Scalar>>;

// A mutex that this thread holds, unless `stop` said so while it waited. The handler of a signal
// runs in the middle of a call, on its thread: it may read what the call only reads, and must not
// wait for a lock of its own thread. It reads in the call's turn, also where that is still to come:
// a turn of its own might be behind a writer that waits for the call.
class Held {
 public:
  Held(FairMutex& mutex, Use use, const StopRequested& stop)
      : mutex_(&mutex), use_(use), outer_(innermost_) {
    for (const Held* held = outer_; held && !turn_; held = held->outer_) {
      if (held->mutex_ != mutex_) continue;
      if (use == Use::kWrite || held->use_ == Use::kWrite) {
        throw std::runtime_error(
            "a signal handler can't use the network whose training or prediction it interrupts; "
            "raise an exception in the handler, as Ctrl-C does, and use the network where that is "
            "caught");
      }
      turn_ = held->turn_;
    }
    if (!turn_) turn_ = &own_.emplace(mutex, use);
    innermost_ = this;
    held_ = turn_->wait(stop);
  }
  ~Held() { innermost_ = outer_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  explicit operator bool() const { return held_; }

 private:
  static inline thread_local const Held* innermost_ = nullptr;

  FairMutex* mutex_;
  Use use_;
  const Held* outer_;
  std::optional<FairMutex::Turn> own_;
  FairMutex::Turn* turn_ = nullptr;
  bool held_ = false;
};

// Calls work(stop) without the GIL, while this thread holds the object. Signals are looked for
// while it waits and wherever `work` asks `stop`; Ctrl-C then raises here, and the work is cut
// short or left out. The lock is taken only after the GIL was released: whoever holds it asks for
// the GIL, to look for signals.
template <typename T, typename Work>
void hold(const Guarded<T>& object, Use use, Work&& work) {
  Interrupts interrupts;
  {
    WithoutGil released;
    const StopRequested stop = interrupts.poll(released);
    const Held held(object.mutex, use, stop);
    if (held) work(stop);
  }
  interrupts.raise_if_any();
}

}  // namespace eigenmlp
