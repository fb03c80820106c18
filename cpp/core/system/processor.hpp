// What the processor and the operating system offer.
#pragma once

#include <string>
#include <vector>

namespace eigenmlp {

// The names of the cores that can run here, the best last: "v2", "v3", "v4" for the levels of
// x86-64 (none on an older processor), "baseline" on other architectures.
std::vector<std::string> supported_levels();

}  // namespace eigenmlp
