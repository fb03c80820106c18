// Memory for numbers, aligned for the widest vector and zeroed; in huge pages where it is large.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "shapes/types.hpp"

namespace eigenmlp {

inline constexpr std::size_t kAlignment = 64;
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;
inline constexpr std::size_t kLargeBytes = 2 * kHugePage;

template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) : size_(size), data_(allocate(size)) {
    std::fill_n(data_.get(), size, T{});
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

 private:
  struct Free {
    std::align_val_t alignment{kAlignment};
    void operator()(T* pointer) const { ::operator delete(pointer, alignment); }
  };
  using Owner = std::unique_ptr<T[], Free>;

  static Owner allocate(Index size) {
    if (size < 0 ||
        static_cast<std::size_t>(size) > std::numeric_limits<std::size_t>::max() / sizeof(T) / 2) {
      throw std::bad_alloc();
    }
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
    const std::align_val_t alignment{bytes < kLargeBytes ? kAlignment : kHugePage};
    Owner owner(static_cast<T*>(::operator new(bytes, alignment)), Free{alignment});
#ifdef __linux__
    // Columns of weights lie a page or more apart: with small pages, most of the time to read one
    // goes to looking up addresses.
    if (bytes >= kLargeBytes) madvise(owner.get(), bytes, MADV_HUGEPAGE);
#endif
    return owner;
  }

  Index size_ = 0;
  Owner data_;
};

}  // namespace eigenmlp
