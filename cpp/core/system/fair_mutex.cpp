#include "system/fair_mutex.hpp"

#include <chrono>

namespace eigenmlp {

FairMutex::Turn::Turn(FairMutex& mutex, Use use) : mutex_(mutex), use_(use) {
  if (use == Use::kRead && mutex_.read_at_once()) {
    has_come_.store(true, std::memory_order_relaxed);
    return;
  }
  const std::lock_guard lock(mutex_.mutex_);
  // From here on readers that come or go look at the list, where this one is first or last.
  mutex_.state_.fetch_or(kSlow, std::memory_order_acquire);
  before_ = mutex_.last_;
  (before_ ? before_->after_ : mutex_.first_) = this;
  mutex_.last_ = this;
  mutex_.pass_on();
}

FairMutex::Turn::~Turn() {
  const bool came = has_come_.load(std::memory_order_acquire);
  if (came && use_ == Use::kRead) {
    const std::uint64_t before = mutex_.state_.fetch_sub(kReader, std::memory_order_release);
    if (!(before & kSlow)) return;
  }
  const std::lock_guard lock(mutex_.mutex_);
  if (!has_come_.load(std::memory_order_relaxed)) {
    (before_ ? before_->after_ : mutex_.first_) = after_;
    (after_ ? after_->before_ : mutex_.last_) = before_;
  } else if (use_ == Use::kWrite) {
    mutex_.writing_ = false;
  } else if (!came) {
    mutex_.state_.fetch_sub(kReader, std::memory_order_release);
  }
  mutex_.pass_on();
}

bool FairMutex::Turn::wait(const StopRequested& stop) {
  if (has_come()) return true;
  std::unique_lock lock(mutex_.mutex_);
  while (!mutex_.came_.wait_for(lock, std::chrono::milliseconds(50), [&] { return has_come(); })) {
    lock.unlock();
    if (stop()) return false;
    lock.lock();
  }
  return true;
}

bool FairMutex::read_at_once() {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  while (!(state & kSlow)) {
    if (state_.compare_exchange_weak(state, state + kReader, std::memory_order_acquire))
      return true;
  }
  return false;
}

bool FairMutex::is_free_for(Use use) const {
  return !writing_ && (use == Use::kRead || state_.load(std::memory_order_acquire) < kReader);
}

void FairMutex::take(Turn& turn) {
  if (turn.use_ == Use::kWrite) {
    writing_ = true;
  } else {
    state_.fetch_add(kReader, std::memory_order_relaxed);
  }
  turn.has_come_.store(true, std::memory_order_release);
}

void FairMutex::pass_on() {
  bool passed = false;
  while (first_ && is_free_for(first_->use_)) {
    Turn& turn = *first_;
    first_ = turn.after_;
    (first_ ? first_->before_ : last_) = nullptr;
    take(turn);
    passed = true;
  }
  if (passed) came_.notify_all();
  if (!first_ && !writing_) state_.fetch_and(~kSlow, std::memory_order_release);
}

}  // namespace eigenmlp
