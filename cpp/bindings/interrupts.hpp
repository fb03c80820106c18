// Ctrl-C, and other signals with Python handlers, during long work without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>

#include "gil.hpp"
#include "types.hpp"

namespace eigenmlp {

// Made and asked for the error with the GIL held, polled without it, by one thread.
class Interrupts {
 public:
  // Looks for signals at most twenty times a second. A handler that raises, as that of Ctrl-C does,
  // stops the work; its exception waits for raise_if_any().
  StopRequested poll(WithoutGil& released) {
    return [this, &released] {
      const auto now = Clock::now();
      if (error_ || now - last_ < std::chrono::milliseconds(50)) return error_.has_value();
      last_ = now;
      const WithoutGil::Pause gil(released);
      if (PyErr_CheckSignals() != 0) error_.emplace();
      return error_.has_value();
    };
  }

  void raise_if_any() {
    if (error_) throw pybind11::error_already_set(*error_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_ = Clock::now();
  std::optional<pybind11::error_already_set> error_;
};

}  // namespace eigenmlp
