// Which of the compiled cores this processor can run.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "processor.hpp"

PYBIND11_MODULE(_processor, module) {
  module.doc() = "What the processor offers. Private: use eigenmlp.instruction_set().";
  module.def("supported_levels", &eigenmlp::supported_levels);
}
