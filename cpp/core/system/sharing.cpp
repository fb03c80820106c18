#include "system/sharing.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace eigenmlp {

namespace {

// A thread that shares, in the list of all, in the order in which they came.
struct Sharer {
  ~Sharer();

  int depth = 0;
  Sharer* next = nullptr;
};

thread_local Sharer mine;

// Never destroyed, so that a thread still running at exit finds it.
class Sharers {
 public:
  static Sharers& instance() {
    static Sharers* const all = new Sharers;
    return *all;
  }

  void enter(Sharer& sharer) {
    const std::lock_guard lock(mutex_);
    *link_to(nullptr) = &sharer;
    change();
  }

  void leave(Sharer& sharer) {
    const std::lock_guard lock(mutex_);
    *link_to(&sharer) = sharer.next;
    sharer.next = nullptr;
    change();
  }

  int count() {
    const std::lock_guard lock(mutex_);
    int all = 0;
    for (const Sharer* at = first_; at; at = at->next) ++all;
    return all;
  }

  // What is a sharer's of some cores: perhaps none.
  int share(const Sharer& sharer, int cores) {
    const std::lock_guard lock(mutex_);
    int all = 0;
    int place = 0;
    for (const Sharer* at = first_; at; at = at->next, ++all) {
      if (at == &sharer) place = all;
    }
    const Share own = share_of(cores, place, all);
    return static_cast<int>(own.end - own.begin);
  }

  int limit() const { return limit_.load(std::memory_order_relaxed); }
  void limit(int most) {
    limit_.store(most, std::memory_order_relaxed);
    change();
  }

  // Another number after each change of what shares depend on.
  unsigned state() const { return state_.load(std::memory_order_acquire); }

 private:
  Sharers() {
#if defined(__unix__) || defined(__APPLE__)
    // A child process has one thread.
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     instance().first_ = mine.depth > 0 ? &mine : nullptr;
                     mine.next = nullptr;
                     instance().mutex_.unlock();
                   });
#endif
  }

  // The link that leads to a sharer of the list, or to its end.
  Sharer** link_to(const Sharer* sharer) {
    Sharer** link = &first_;
    while (*link != sharer) link = &(*link)->next;
    return link;
  }

  void change() { state_.fetch_add(1, std::memory_order_release); }

  std::mutex mutex_;
  Sharer* first_ = nullptr;
  std::atomic<int> limit_{std::numeric_limits<int>::max()};
  std::atomic<unsigned> state_{0};
};

Sharer::~Sharer() {
  if (depth > 0) Sharers::instance().leave(*this);
}

}  // namespace

int thread_limit() { return Sharers::instance().limit(); }

void limit_threads(int most) { Sharers::instance().limit(std::max(most, 1)); }

void Sharing::enter() {
  if (mine.depth++ == 0) Sharers::instance().enter(mine);
}

void Sharing::leave() {
  if (mine.depth > 0 && --mine.depth == 0) Sharers::instance().leave(mine);
}

int sharing_threads() { return Sharers::instance().count(); }

ThreadCount::ThreadCount(const Threads& allowed, Index parts, double flops) {
  // A step's barriers cost some microseconds; below about this much work one more thread costs more
  // there than it saves.
  constexpr double kFlopsWorthAThread = 1.5e6;
  Index worth = allowed.count;
  if (!allowed.exact) {
    worth = std::min(worth, static_cast<Index>(std::min(flops / kFlopsWorthAThread, 1e6)));
  }
  now_ = worth_ = static_cast<int>(std::clamp<Index>(worth, 1, std::max<Index>(parts, 1)));
  if (allowed.exact || worth_ == 1) return;
  sharing_.emplace();
  cores_ = std::min(allowed.count, available_cores());
  measure();
}

bool ThreadCount::changes() {
  // A thread that wakes up for a call takes some hundred microseconds, so others that come and go
  // all the time are not followed at every step.
  constexpr std::chrono::milliseconds kPause(10);
  if (!sharing_ || Sharers::instance().state() == seen_ || Clock::now() - measured_ < kPause) {
    return false;
  }
  const int before = now_;
  measure();
  return now_ != before;
}

void ThreadCount::measure() {
  Sharers& all = Sharers::instance();
  seen_ = all.state();
  measured_ = Clock::now();
  now_ = std::clamp(all.share(mine, std::min(cores_, all.limit())), 1, worth_);
}

}  // namespace eigenmlp
