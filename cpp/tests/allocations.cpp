#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> counted{0};
std::atomic<long> left_to_succeed{-1};

void* checked(void* memory) {
  ++counted;
  const bool fails = left_to_succeed >= 0 && left_to_succeed-- == 0;
  if (fails) std::free(memory);
  if (fails || !memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

long allocations::count() { return counted; }
void allocations::fail_after(long left) { left_to_succeed = left; }

void* operator new(std::size_t size) { return checked(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return checked(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
