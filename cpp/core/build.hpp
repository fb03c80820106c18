// What this build of the core asks of a processor.
#pragma once

namespace eigenmlp {

// Plain data, so that reading it needs no instruction that the processor might lack.
struct Build {
  const char* instruction_set;
  bool fma;
  bool avx2;
  bool avx512;  // F, BW, DQ and VL
};

extern const Build kBuild;

}  // namespace eigenmlp
