// Core objects as Python holds them: each with a lock of its own, so that several threads can use
// one object at once, with or without the GIL.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <utility>

#include "network.hpp"
#include "optimizer.hpp"

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

// Locks are taken only after the GIL was released: long work asks for the GIL, to look for signals,
// while it holds its locks.
template <typename T>
struct Guarded {
  template <typename... Arguments>
  explicit Guarded(Arguments&&... arguments) : value(std::forward<Arguments>(arguments)...) {}

  T value;
  mutable std::shared_mutex mutex;
};

template <typename Scalar>
struct GuardedNetwork : Guarded<Network<Scalar>> {
  using Guarded<Network<Scalar>>::Guarded;

  std::shared_ptr<std::atomic<bool>> claimed = std::make_shared<std::atomic<bool>>(false);
};

template <typename Scalar>
using GuardedOptimizer = Guarded<Optimizer<Scalar>>;

// A mutex that this thread holds. The handler of a signal runs in the middle of a call, on its
// thread: it may read what the call only reads, and must not wait for a lock of its own thread.
class Held {
 public:
  Held(const std::shared_mutex& mutex, bool writes)
      : mutex_(&mutex), writes_(writes), outer_(innermost_) {
    for (const Held* held = outer_; held; held = held->outer_) {
      if (held->mutex_ != mutex_) continue;
      if (writes || held->writes_) {
        throw std::runtime_error(
            "a signal handler can't use the network whose training or prediction it interrupts; "
            "raise an exception in the handler, as Ctrl-C does, and use the network where that is "
            "caught");
      }
      again_ = true;
    }
    innermost_ = this;
  }
  ~Held() { innermost_ = outer_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool again() const { return again_; }

 private:
  static inline thread_local const Held* innermost_ = nullptr;

  const std::shared_mutex* mutex_;
  bool writes_;
  bool again_ = false;
  const Held* outer_;
};

class Reading {
 public:
  explicit Reading(std::shared_mutex& mutex) : held_(mutex, false) {
    if (!held_.again()) lock_ = std::shared_lock(mutex);
  }

 private:
  Held held_;
  std::shared_lock<std::shared_mutex> lock_;
};

class Writing {
 public:
  explicit Writing(std::shared_mutex& mutex) : held_(mutex, true), lock_(mutex) {}

 private:
  Held held_;
  std::unique_lock<std::shared_mutex> lock_;
};

}  // namespace eigenmlp
