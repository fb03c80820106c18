// The vector vocabulary: Eigen's packets, so that one source serves every instruction set.
#pragma once

#include <Eigen/Core>

#include "types.hpp"

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
using Eigen::internal::padd;
using Eigen::internal::pcmp_lt;
using Eigen::internal::pdiv;
using Eigen::internal::plog;
using Eigen::internal::pmadd;
using Eigen::internal::pmax;
using Eigen::internal::pmul;
using Eigen::internal::pselect;
using Eigen::internal::psqrt;
using Eigen::internal::pstore;
using Eigen::internal::pstoreu;
using Eigen::internal::psub;

template <typename Scalar>
using Block = Eigen::internal::PacketBlock<Packet<Scalar>, kWidth<Scalar>>;

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
