#include "system/processor.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace eigenmlp {

#if defined(__x86_64__)

namespace {

struct Registers {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
};

// Zeros for a leaf that the processor doesn't have.
Registers leaf(unsigned number) {
  Registers r;
  __get_cpuid_count(number, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

// Register state that the operating system saves at a context switch (XCR0).
unsigned saved_state() {
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

constexpr bool has(unsigned value, unsigned bits) { return (value & bits) == bits; }

}  // namespace

// As the x86-64 psABI defines the levels, section 3.1.1.
std::vector<std::string> supported_levels() {
  const Registers basic = leaf(1);
  const Registers structured = leaf(7);
  const Registers extended = leaf(0x80000001);

  std::vector<std::string> levels;
  if (!has(basic.ecx,
           bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT) ||
      !has(extended.ecx, bit_LAHF_LM)) {
    return levels;
  }
  levels.emplace_back("v2");

  constexpr unsigned kVectorState = 0x06;  // xmm, ymm
  if (!has(basic.ecx, bit_AVX | bit_FMA | bit_F16C | bit_MOVBE | bit_OSXSAVE) ||
      !has(structured.ebx, bit_AVX2 | bit_BMI | bit_BMI2) || !has(extended.ecx, bit_LZCNT) ||
      !has(saved_state(), kVectorState)) {
    return levels;
  }
  levels.emplace_back("v3");

  constexpr unsigned kWideState = 0xe6;  // and opmask, zmm
  if (has(structured.ebx,
          bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL) &&
      has(saved_state(), kWideState)) {
    levels.emplace_back("v4");
  }
  return levels;
}

#else

std::vector<std::string> supported_levels() { return {"baseline"}; }

#endif

}  // namespace eigenmlp
