// Working memory that calls borrow and give back, so that only the first call of a size allocates.
#pragma once

#include <algorithm>
#include <cassert>
#include <mutex>
#include <utility>
#include <vector>

#include "shapes/buffer.hpp"

namespace eigenmlp {

template <typename Scalar>
class Scratch {
 public:
  // A buffer for the length of a call, cut into pieces from front to back.
  class Loan {
   public:
    // Of `size` values, of a buffer that may hold more.
    Loan(Scratch& lender, Buffer<Scalar> buffer, Index size)
        : lender_(lender), buffer_(std::move(buffer)), size_(size) {}
    ~Loan() { lender_.take_back(std::move(buffer_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    // The next `size` values, aligned; of any content.
    Scalar* cut(Index size) {
      Scalar* const piece = buffer_.data() + used_;
      used_ += padded(size);
      assert(used_ <= size_);  // more is cut than was borrowed
      return piece;
    }

    // The same, zero.
    Scalar* cut_zeros(Index size) {
      Scalar* const piece = cut(size);
      std::fill_n(piece, size, Scalar(0));
      return piece;
    }

   private:
    Scratch& lender_;
    Buffer<Scalar> buffer_;
    Index size_;
    Index used_ = 0;
  };

  // Stands in for a loan, to learn how much to borrow for a list of pieces.
  class Measure {
   public:
    Scalar* cut(Index size) {
      total_ += padded(size);
      return nullptr;
    }
    Scalar* cut_zeros(Index size) { return cut(size); }

    Index total() const { return total_; }

   private:
    Index total_ = 0;
  };

  // What a piece of `size` values takes of a loan, so that the next is aligned too.
  static constexpr Index padded(Index size) {
    return round_up(size, static_cast<Index>(kAlignment / sizeof(Scalar)));
  }

  // `size` values: the sum of the pieces, padded.
  Loan borrow(Index size) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Buffer<Scalar> buffer = std::move(idle_.back());
        idle_.pop_back();
        if (buffer.size() >= size) return Loan(*this, std::move(buffer), size);
      }
    }
    return Loan(*this, Buffer<Scalar>(size), size);
  }

 private:
  void take_back(Buffer<Scalar> buffer) {
    const std::lock_guard lock(mutex_);
    try {
      idle_.push_back(std::move(buffer));
    } catch (const std::bad_alloc&) {
      // Then it is freed, and a later call allocates its own.
    }
  }

  std::mutex mutex_;
  std::vector<Buffer<Scalar>> idle_;
};

}  // namespace eigenmlp
