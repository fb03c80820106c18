#include "system/build.hpp"

namespace eigenmlp {

#if defined(__AVX512F__)
constinit const char* const kInstructionSet = "AVX-512";
#elif defined(__AVX2__)
constinit const char* const kInstructionSet = "AVX2 + FMA";
#elif defined(__SSE4_2__)
constinit const char* const kInstructionSet = "SSE4.2";
#elif defined(__ARM_NEON)
constinit const char* const kInstructionSet = "NEON";
#else
constinit const char* const kInstructionSet = "scalar";
#endif

}  // namespace eigenmlp
