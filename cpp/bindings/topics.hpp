// The topics of the module, one file each.
#pragma once

#include <pybind11/pybind11.h>

namespace eigenmlp {

void bind_system(pybind11::module_& module);
void bind_arrays(pybind11::module_& module);
void bind_optimizers(pybind11::module_& module);
void bind_networks(pybind11::module_& module);

}  // namespace eigenmlp
