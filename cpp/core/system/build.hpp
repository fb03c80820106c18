// What the core was compiled for.
#pragma once

namespace eigenmlp {

extern const char* const kInstructionSet;

}  // namespace eigenmlp
