// Long work without the GIL, also in threads that outlive the interpreter.
#pragma once

#include <pybind11/pybind11.h>

namespace eigenmlp {

// Releases the GIL for the length of its life.
//
// Once the interpreter shuts down, a daemon thread that asks for the GIL is ended on the spot,
// which C++ can't survive. So from then on such threads stay here for good, as they would in
// Python 3.14; the process ends with its main thread.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

  // The GIL again, for a while, on the thread that released it.
  class Pause {
   public:
    explicit Pause(WithoutGil& released);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    WithoutGil& released_;
  };

 private:
  void acquire();

  PyThreadState* state_;
};

// To be called once, at import.
void watch_for_shutdown();

}  // namespace eigenmlp
