#include "extension.hpp"
#include "topics.hpp"

// EIGENMLP_MODULE: the module's name, one for each instruction set.
// Every object guards its own state, and nothing is known to rely on the GIL. But nobody has run
// the tests without a GIL yet, so the module doesn't declare that it can do without: a
// free-threaded Python switches the GIL on when it imports it.
EIGENMLP_EXTENSION(EIGENMLP_MODULE, module) {
  module.doc() = "The core of eigenmlp, in C++. Private: use the names in eigenmlp.";
  eigenmlp::bind_system(module);
  eigenmlp::bind_arrays(module);
  eigenmlp::bind_optimizers(module);
  eigenmlp::bind_networks(module);
}
