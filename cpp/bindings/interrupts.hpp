// Ctrl-C, and other signals with Python handlers, during long work without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

#include "gil.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// Used by one thread, which makes it and asks for the error with the GIL held, and polls without.
class Interrupts {
 public:
  // Looks for signals at most twenty times a second. A handler that raises, as that of Ctrl-C does,
  // stops the work. Its exception stays with the thread for raise_if_any(): to take it along would
  // need memory, and the work can't be left by another exception.
  StopRequested poll(WithoutGil& released) {
    return [this, &released] {
      const auto now = Clock::now();
      if (stopped_ || now - last_ < std::chrono::milliseconds(50)) return stopped_;
      last_ = now;
      const WithoutGil::Pause gil(released);
      stopped_ = PyErr_CheckSignals() != 0;
      return stopped_;
    };
  }

  void raise_if_any() {
    if (stopped_) throw pybind11::error_already_set();
  }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_ = Clock::now();
  bool stopped_ = false;
};

}  // namespace eigenmlp
