// Long work without the GIL, also in threads that outlive the interpreter.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

namespace eigenmlp {

// Releases the GIL for the length of its life.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { acquire(); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

  // The GIL again, for a while, on the thread that released it.
  class Pause {
   public:
    explicit Pause(WithoutGil& released) : released_(released) { released_.acquire(); }
    ~Pause() { released_.state_ = PyEval_SaveThread(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    WithoutGil& released_;
  };

 private:
  void acquire() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      // The interpreter is gone, and Python 3.13 and earlier end the threads that come back to it,
      // by an unwinding of the stack that would end the process at the first destructor. Such a
      // thread stays here instead, as Python 3.14 has it, until the process ends by itself.
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

  PyThreadState* state_;
};

}  // namespace eigenmlp
