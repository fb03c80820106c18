// A lock for any number of readers or one writer, who take turns in the order in which they came.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "shapes/types.hpp"

namespace eigenmlp {

enum class Use { kRead, kWrite };

// Nobody overtakes: readers that come after a waiting writer wait behind it, so that predictions
// without a pause don't keep training from its turn, nor training without a pause predictions.
class FairMutex {
 public:
  // A place in the order and, once its turn has come, the lock; for the length of its life.
  class Turn {
   public:
    Turn(FairMutex& mutex, Use use);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    bool has_come() const { return has_come_.load(std::memory_order_acquire); }

    // Waits until it has come, or until `stop`, asked now and then, says so: then false. Whatever
    // `stop` does may wait for the same turn.
    bool wait(const StopRequested& stop);

   private:
    friend class FairMutex;

    FairMutex& mutex_;
    const Use use_;
    std::atomic<bool> has_come_{false};
    // Neighbours in the list of those that wait.
    Turn* before_ = nullptr;
    Turn* after_ = nullptr;
  };

 private:
  // state_ is kReader for each reader, and kSlow while a writer has the lock or anybody waits: else
  // readers come and go by state_ alone.
  static constexpr std::uint64_t kSlow = 1;
  static constexpr std::uint64_t kReader = 2;

  bool read_at_once();
  bool is_free_for(Use use) const;
  void take(Turn& turn);
  // The turn of those at the head of the list.
  void pass_on();

  std::atomic<std::uint64_t> state_{0};
  // Guards all that follows.
  std::mutex mutex_;
  // Notified when turns have come.
  std::condition_variable came_;
  bool writing_ = false;
  Turn* first_ = nullptr;
  Turn* last_ = nullptr;
};

}  // namespace eigenmlp
