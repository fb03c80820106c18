#include "extension.hpp"
#include "topics.hpp"

// EIGENMLP_MODULE: the module's name, one for each instruction set.
// Every object guards its own state, and nothing is known to rely on the GIL. But nobody has run
// the tests without one yet, so that a free-threaded Python is left to switch it on.
EIGENMLP_EXTENSION(EIGENMLP_MODULE, module) {
  module.doc() = "The core of eigenmlp, in C++. Private: use the names in eigenmlp.";
  eigenmlp::bind_system(module);
  eigenmlp::bind_arrays(module);
  eigenmlp::bind_optimizers(module);
  eigenmlp::bind_networks(module);
}
