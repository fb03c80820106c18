#include "gil.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace eigenmlp {

namespace {

using namespace std::chrono_literals;

std::atomic<bool> closing{false};
std::atomic<int> waiting{0};  // threads on their way to the GIL
std::thread::id last_thread;  // the one that shuts the interpreter down

}  // namespace

void WithoutGil::acquire() {
  ++waiting;
  if (closing && std::this_thread::get_id() != last_thread) {
    --waiting;
    for (;;) std::this_thread::sleep_for(1h);
  }
  PyEval_RestoreThread(state_);
  --waiting;
}

WithoutGil::~WithoutGil() { acquire(); }

WithoutGil::Pause::Pause(WithoutGil& released) : released_(released) { released_.acquire(); }

WithoutGil::Pause::~Pause() { released_.state_ = PyEval_SaveThread(); }

void watch_for_shutdown() {
#if defined(__unix__) || defined(__APPLE__)
  // A child process has none of the threads that were waiting.
  pthread_atfork(nullptr, nullptr, [] { waiting = 0; });
#endif
  const auto close = [] {
    last_thread = std::this_thread::get_id();
    closing = true;
    // Whoever waits for the GIL already shall have it while that is still safe.
    const WithoutGil released;
    while (waiting > 0) std::this_thread::sleep_for(1ms);
  };
  pybind11::module_::import("atexit").attr("register")(pybind11::cpp_function(close));
}

}  // namespace eigenmlp
