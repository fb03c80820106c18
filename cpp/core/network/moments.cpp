#include "network/moments.hpp"

#include <algorithm>

#include "kernels/gather.hpp"
#include "system/threads.hpp"

namespace eigenmlp {

namespace {

// Transposes the first rows · columns values of all moments.
template <typename Scalar>
void transpose_moments(Optimizer<Scalar>& optimizer, Index rows, Index columns, int n_threads) {
  if (optimizer.moments().empty()) return;
  Buffer<Scalar> transposed(rows * columns);
  for (Buffer<Scalar>& moments : optimizer.moments()) {
    run_on_threads(n_threads, [&](int thread) {
      transpose_matrix(rows, columns, {0, rows}, share_of(columns, thread, n_threads),
                       static_cast<const Scalar*>(moments.data()), transposed.data());
    });
    std::copy_n(transposed.data(), transposed.size(), moments.data());
  }
}

}  // namespace

template <typename Scalar>
void lay_by_input(Optimizer<Scalar>& optimizer, const Layer& first, int n_threads) {
  if (optimizer.by_input().fan_in > 0) return;
  // Those of a new optimizer are zero.
  const bool all_zero =
      std::all_of(optimizer.moments().begin(), optimizer.moments().end(), [](const auto& moments) {
        return std::all_of(moments.begin(), moments.end(), [](Scalar m) { return m == 0; });
      });
  if (!all_zero) transpose_moments(optimizer, first.fan_out, first.fan_in, n_threads);
  optimizer.set_by_input({first.fan_in, first.fan_out});
}

template <typename Scalar>
void lay_as_parameters(Optimizer<Scalar>& optimizer, int n_threads) {
  const ByInput by_input = optimizer.by_input();
  if (by_input.fan_in == 0) return;
  transpose_moments(optimizer, by_input.fan_in, by_input.fan_out, n_threads);
  optimizer.set_by_input({});
}

template <typename Scalar>
void copy_moments(const Optimizer<Scalar>& optimizer, std::size_t which, Scalar* to) {
  const Buffer<Scalar>& moments = optimizer.moments()[which];
  const ByInput by_input = optimizer.by_input();
  const Index transposed = by_input.fan_in * by_input.fan_out;
  if (transposed > 0) {
    transpose_matrix(by_input.fan_in, by_input.fan_out, {0, by_input.fan_in}, {0, by_input.fan_out},
                     moments.data(), to);
  }
  std::copy(moments.begin() + transposed, moments.end(), to + transposed);
}

#define EIGENMLP_INSTANTIATE(Scalar)                                 \
  template void lay_by_input(Optimizer<Scalar>&, const Layer&, int); \
  template void lay_as_parameters(Optimizer<Scalar>&, int);          \
  template void copy_moments(const Optimizer<Scalar>&, std::size_t, Scalar*)
EIGENMLP_INSTANTIATE(float);
EIGENMLP_INSTANTIATE(double);

}  // namespace eigenmlp
