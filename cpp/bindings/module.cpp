#include <pybind11/pybind11.h>

#include "topics.hpp"

// EIGENMLP_MODULE: the module's name, one for each instruction set.
// Every object guards its own state, and nothing relies on the GIL.
PYBIND11_MODULE(EIGENMLP_MODULE, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The core of eigenmlp, in C++. Private: use the names in eigenmlp.";
  eigenmlp::bind_system(module);
  eigenmlp::bind_arrays(module);
  eigenmlp::bind_optimizers(module);
  eigenmlp::bind_networks(module);
}
