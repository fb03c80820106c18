// Memory for numbers, aligned for the widest vector and zeroed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>

#include "types.hpp"

namespace eigenmlp {

inline constexpr std::size_t kAlignment = 64;

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
    void operator()(T* pointer) const { ::operator delete(pointer, std::align_val_t{kAlignment}); }
  };

  static T* allocate(Index size) {
    if (size < 0 ||
        static_cast<std::size_t>(size) > std::numeric_limits<std::size_t>::max() / sizeof(T) / 2) {
      throw std::bad_alloc();
    }
    return static_cast<T*>(
        ::operator new(static_cast<std::size_t>(size) * sizeof(T), std::align_val_t{kAlignment}));
  }

  Index size_ = 0;
  std::unique_ptr<T[], Free> data_;
};

}  // namespace eigenmlp
