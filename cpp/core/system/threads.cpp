#include "system/threads.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#ifdef __linux__
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

#include "system/placement.hpp"
#include "system/subnormals.hpp"

namespace eigenmlp {

namespace {

// A processor that sleeps takes some hundred microseconds to wake up, above all a virtual one. A
// thread that fell asleep while its partner wakes would make that one wait in turn, and so on at
// every barrier: within a call they spin for longer than that. Between calls they spin just long
// enough for a caller that returns at once, so that nobody sees a busy core.
constexpr int kBarrierSpins = 10000;
constexpr int kIdleSpins = 1000;

// Spinning helps only while every thread has a core of its own.
int spins_for(int threads, int spins) { return threads <= available_cores() ? spins : 0; }

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

void wait_while(const std::atomic<unsigned>& value, unsigned old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) {
    value.wait(old, std::memory_order_acquire);
  }
}

// A thread of the pool. It lives until the process ends, asleep between calls.
class Worker {
 public:
  Worker() {
    std::thread([this] { loop(); }).detach();
  }

  void start(Placement& placement, detail::Body body, void* state, int thread, int spins) {
    placement_ = &placement;
    body_ = body;
    state_ = state;
    thread_ = thread;
    spins_ = spins;
    status_.store(kBusy, std::memory_order_release);
    status_.notify_one();
  }

  void wait_until_done(int spins) { wait_while(status_, kBusy, spins); }

  // In whatever list the worker is.
  Worker* next = nullptr;

 private:
  enum Status : unsigned { kIdle, kBusy };

  void loop() {
    int spins = 0;
    for (;;) {
      wait_while(status_, kIdle, spins);
      {
        placement_->join();
        const FlushSubnormals flush;
        body_(state_, thread_);
        placement_->leave();
      }
      spins = spins_;
      status_.store(kIdle, std::memory_order_release);
      status_.notify_one();
    }
  }

  Placement* placement_ = nullptr;
  detail::Body body_ = nullptr;
  void* state_ = nullptr;
  int thread_ = 0;
  int spins_ = 0;
  alignas(64) std::atomic<unsigned> status_{kIdle};
};

// The workers that no call has. Neither pool nor workers are ever destroyed, so that a thread still
// running at exit finds them.
class Pool {
 public:
  static Pool& instance() {
    static Pool* const pool = new Pool;
    return *pool;
  }

  Worker* take() {
    const std::lock_guard lock(mutex_);
    if (!idle_) return start_worker();
    Worker* const worker = idle_;
    idle_ = worker->next;
    return worker;
  }

  void give_back(Worker* worker) {
    const std::lock_guard lock(mutex_);
    worker->next = idle_;
    idle_ = worker;
  }

 private:
  Pool() {
#if defined(__unix__) || defined(__APPLE__)
    // A child process has the list of workers, but not the workers: it starts its own.
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] {
                     instance().idle_ = nullptr;
                     instance().mutex_.unlock();
                   });
#endif
  }

  // Signals go to the threads that the program started itself.
  static Worker* start_worker() {
#if defined(__unix__) || defined(__APPLE__)
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    // Except the signals that a thread causes itself, and that of profilers.
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF}) {
      sigdelset(&all, own);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct Restore {
      const sigset_t& mask;
      ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } const restore{before};
#endif
    try {
      return std::make_unique<Worker>().release();
    } catch (const std::system_error& error) {
      throw std::runtime_error(std::string("no thread can be started (") + error.what() +
                               "); use fewer with n_threads, or raise the system's limit");
    }
  }

  std::mutex mutex_;
  Worker* idle_ = nullptr;
};

std::atomic<int> at_work{0};

}  // namespace

int available_cores() {
#ifdef __linux__
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(1, CPU_COUNT(&cores));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int threads_at_work() { return at_work.load(std::memory_order_relaxed); }

void detail::run_on_threads(int count, Body body, void* state) {
  const FlushSubnormals flush;
  at_work += count;
  struct AtWork {
    const int count;
    ~AtWork() { at_work -= count; }
  } const these{count};
  if (count == 1) return body(state, 0);
  Pool& pool = Pool::instance();
  struct Team {
    explicit Team(Pool& from) : pool(from) {}
    ~Team() {
      while (first) pool.give_back(std::exchange(first, first->next));
    }
    Pool& pool;
    Worker* first = nullptr;
  } team(pool);
  for (int thread = 1; thread < count; ++thread) {
    Worker* const worker = pool.take();
    worker->next = std::exchange(team.first, worker);
  }
  const int spins = spins_for(count, kIdleSpins);
  const int last_spins = spins_for(count, kBarrierSpins);
  Placement placement(count);
  int thread = 0;
  for (Worker* worker = team.first; worker; worker = worker->next) {
    worker->start(placement, body, state, ++thread, spins);
  }
  body(state, 0);
  for (Worker* worker = team.first; worker; worker = worker->next) {
    worker->wait_until_done(last_spins);
  }
}

Barrier::Barrier(int count) : count_(count), spins_(spins_for(count, kBarrierSpins)) {}

void Barrier::arrive_and_wait() {
  if (count_ == 1) return;
  Placement::hold();
  const unsigned round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < count_) {
    wait_while(round_, round, spins_);
    return;
  }
  arrived_.store(0, std::memory_order_relaxed);
  round_.store(round + 1, std::memory_order_release);
  round_.notify_all();
}

}  // namespace eigenmlp
