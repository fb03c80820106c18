// The vector vocabulary: Eigen's packets, so that one source serves every instruction set.
#pragma once

#include <Eigen/Core>

#include "shapes/types.hpp"

namespace eigenmlp {

template <typename Scalar>
using Packet = typename Eigen::internal::packet_traits<Scalar>::type;

// Scalars in a vector.
template <typename Scalar>
inline constexpr Index kWidth = Eigen::internal::packet_traits<Scalar>::size;

// Vectors in a panel's row, and samples in a panel.
inline constexpr int kPanelVectors = 2;
template <typename Scalar>
inline constexpr Index kLanes = kPanelVectors * kWidth<Scalar>;

// Tile shapes by register count: 12 or more independent accumulators hide the latency of a fused
// multiply-add, and the accumulators, one row of b and a broadcast must fit the registers.
inline constexpr bool kManyRegisters = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
inline constexpr int kTileRows = 6;
inline constexpr int kTilePanels = kManyRegisters ? 2 : 1;
inline constexpr int kGradientVectors = kManyRegisters ? 4 : 2;

template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> load(const Scalar* aligned) {
  return Eigen::internal::pload<Packet<Scalar>>(aligned);
}
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> load_unaligned(const Scalar* from) {
  return Eigen::internal::ploadu<Packet<Scalar>>(from);
}
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> broadcast(Scalar value) {
  return Eigen::internal::pset1<Packet<Scalar>>(value);
}
using Eigen::internal::pabs;
using Eigen::internal::padd;
using Eigen::internal::pcmp_eq;
using Eigen::internal::pcmp_lt;
using Eigen::internal::pdiv;
using Eigen::internal::plog;
using Eigen::internal::pmadd;
using Eigen::internal::pmax;
using Eigen::internal::pmin;
using Eigen::internal::pmul;
using Eigen::internal::pnegate;
using Eigen::internal::pselect;
using Eigen::internal::pstore;
using Eigen::internal::pstoreu;
using Eigen::internal::psub;

// Correctly rounded, as by the processor's own instruction.
template <typename Vector>
EIGEN_STRONG_INLINE Vector square_root(const Vector& x) {
  return Eigen::internal::psqrt(x);
}

#if defined(__AVX512F__)
// Processors have one unit for square roots and divisions, which an update keeps busy for longer
// than anything else. So roots come from the multipliers: Newton's method from an estimate of 14
// bits, for g → √x and h → 1/(2√x), and a last step by the remainder x - g², which a fused
// multiply-subtract has exactly. The tests compare every mantissa with the instruction. Where the
// remainder could underflow, the instruction itself is used.
template <>
EIGEN_STRONG_INLINE Eigen::internal::Packet16f square_root(const Eigen::internal::Packet16f& x) {
  constexpr int kExponent = 1 << 23;
  const __m512i above = _mm512_sub_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(27 * kExponent));
  // From 2^-100 to below 2^100; anything else, also a negative x, is far above as an unsigned
  // number.
  if (_mm512_cmplt_epu32_mask(above, _mm512_set1_epi32(200 * kExponent)) != 0xffff) {
    return _mm512_sqrt_ps(x);
  }
  const __m512 half = _mm512_set1_ps(0.5F);
  const __m512 estimate = _mm512_rsqrt14_ps(x);
  const __m512 g = _mm512_mul_ps(x, estimate);
  const __m512 h = _mm512_mul_ps(estimate, half);
  const __m512 error = _mm512_fnmadd_ps(h, g, half);
  const __m512 root = _mm512_fmadd_ps(g, error, g);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(root, root, x), _mm512_fmadd_ps(h, error, h), root);
}
#endif

template <typename Scalar>
using Block = Eigen::internal::PacketBlock<Packet<Scalar>, kWidth<Scalar>>;

// Packet i, element j -> packet j, element i.
template <typename Square>
EIGEN_STRONG_INLINE void transpose(Square& block) {
  Eigen::internal::ptranspose(block);
}

#if defined(__AVX512F__)
// Eigen's version splits vectors into quarters and joins them again, which takes three times as
// long.
template <>
EIGEN_STRONG_INLINE void transpose(Block<float>& block) {
  __m512(&row)[16] = block.packet;
  for (int i = 0; i < 16; i += 4) {
    const __m512 low01 = _mm512_unpacklo_ps(row[i], row[i + 1]);
    const __m512 high01 = _mm512_unpackhi_ps(row[i], row[i + 1]);
    const __m512 low23 = _mm512_unpacklo_ps(row[i + 2], row[i + 3]);
    const __m512 high23 = _mm512_unpackhi_ps(row[i + 2], row[i + 3]);
    const auto pairs = [](__m512 first, __m512 second, auto unpack) {
      return _mm512_castpd_ps(unpack(_mm512_castps_pd(first), _mm512_castps_pd(second)));
    };
    const auto low = [](__m512d first, __m512d second) {
      return _mm512_unpacklo_pd(first, second);
    };
    const auto high = [](__m512d first, __m512d second) {
      return _mm512_unpackhi_pd(first, second);
    };
    row[i] = pairs(low01, low23, low);
    row[i + 1] = pairs(low01, low23, high);
    row[i + 2] = pairs(high01, high23, low);
    row[i + 3] = pairs(high01, high23, high);
  }
  // Quarter q of row[i + j] now holds column 4q + j of rows i to i + 3.
  for (int j = 0; j < 4; ++j) {
    constexpr int kEven = 0x88;
    constexpr int kOdd = 0xdd;
    const __m512 even01 = _mm512_shuffle_f32x4(row[j], row[j + 4], kEven);
    const __m512 odd01 = _mm512_shuffle_f32x4(row[j], row[j + 4], kOdd);
    const __m512 even23 = _mm512_shuffle_f32x4(row[j + 8], row[j + 12], kEven);
    const __m512 odd23 = _mm512_shuffle_f32x4(row[j + 8], row[j + 12], kOdd);
    row[j] = _mm512_shuffle_f32x4(even01, even23, kEven);
    row[j + 4] = _mm512_shuffle_f32x4(odd01, odd23, kEven);
    row[j + 8] = _mm512_shuffle_f32x4(even01, even23, kOdd);
    row[j + 12] = _mm512_shuffle_f32x4(odd01, odd23, kOdd);
  }
}
#endif

// Eigen's AVX-512 float exp is a polynomial of its own; the generic one gives the same bits on
// every instruction set.
template <typename Scalar>
EIGEN_STRONG_INLINE Packet<Scalar> exponential(const Packet<Scalar>& x) {
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return Eigen::internal::pexp_float(x);
  } else {
    return Eigen::internal::pexp_double(x);
  }
}

}  // namespace eigenmlp
