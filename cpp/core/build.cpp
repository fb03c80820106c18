#include "build.hpp"

namespace eigenmlp {

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
constinit const Build kBuild{"AVX-512", true, true, true};
#elif defined(__AVX512F__)
#error "AVX-512 without BW, DQ and VL is not supported: set EIGENMLP_ARCH=x86-64-v3"
#elif defined(__AVX2__) && defined(__FMA__)
constinit const Build kBuild{"AVX2 + FMA", true, true, false};
#elif defined(__SSE4_2__)
constinit const Build kBuild{"SSE4.2", false, false, false};
#elif defined(__ARM_NEON)
constinit const Build kBuild{"NEON", false, false, false};
#else
constinit const Build kBuild{"baseline", false, false, false};
#endif

}  // namespace eigenmlp
