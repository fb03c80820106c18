// Which of the compiled cores this processor can run.
#include <pybind11/stl.h>

#include "extension.hpp"
#include "system/processor.hpp"

EIGENMLP_EXTENSION(_processor, module) {
  module.doc() = "What the processor offers. Private: use eigenmlp.instruction_set().";
  module.def("supported_levels", &eigenmlp::supported_levels);
}
