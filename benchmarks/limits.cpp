// What this machine can do, for the instruction set that this is compiled for, on some threads:
//
//   limits SECONDS CPU,CPU,… BYTES,BYTES,…
//
// prints lines "name value": flops (fused multiply-adds, or multiplications and additions where the
// instruction set has no fused ones), quotients (x / √y), and for every number of bytes, the
// working set of all threads together, "bandwidth BYTES value", of reads and writes.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kBytes = 32;
#else
constexpr std::size_t kBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kBytes)));
constexpr std::size_t kWidth = kBytes / sizeof(float);

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The compiler may not know what is in the value.
template <typename T>
void hide(T& value) {
#if defined(__x86_64__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+w"(value));
#endif
}

Vector all(float value) {
  Vector v;
  for (std::size_t i = 0; i < kWidth; ++i) v[i] = value;
  return v;
}

// Enough chains to hide the latency, few enough for 16 registers: separate variables, since an
// array would live in memory.
constexpr int kChains = 12;
#define FOR_EACH_CHAIN(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)

// Work units done by one call of each of these.
constexpr double kFlopsACall = 1000.0 * kChains * kWidth * 2;
void multiply_add() {
#define START(i) Vector acc##i = all(1.0F);
#define STEP(i) acc##i = acc##i * b + c;
#define HIDE(i) hide(acc##i);
  FOR_EACH_CHAIN(START)
  Vector b = all(0.999F);
  Vector c = all(0.001F);
  hide(b);
  hide(c);
  for (int i = 0; i < 1000; ++i) {
    FOR_EACH_CHAIN(STEP)
  }
  FOR_EACH_CHAIN(HIDE)
}

Vector square_root(Vector v) {
#if defined(__AVX512F__)
  return __builtin_ia32_sqrtps512_mask(v, v, static_cast<unsigned short>(-1), 4);
#elif defined(__AVX__)
  return __builtin_ia32_sqrtps256(v);
#elif defined(__SSE__)
  return __builtin_ia32_sqrtps(v);
#else
  for (std::size_t i = 0; i < kWidth; ++i) v[i] = std::sqrt(v[i]);
  return v;
#endif
}

constexpr double kQuotientsACall = 1000.0 * kWidth;
void divide() {
  Vector x = all(1.5F);
  Vector y = all(2.5F);
  hide(x);
  for (int i = 0; i < 1000; ++i) {
    // Each is independent of the one before, so that the processor overlaps them.
    hide(y);
    Vector quotient = x / square_root(y);
    hide(quotient);
  }
}

// Ways through memory, each over two arrays of `count` vectors; which of them is fastest depends on
// the processor and on the cache. Returns the vectors read and written.
std::size_t add_up(const Vector* a, const Vector* b, std::size_t count) {
  Vector sums[4] = {};
  for (std::size_t i = 0; i < count; i += 4) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) sums[j] += a[i + j] + b[i + j];
  }
  for (auto& sum : sums) hide(sum);
  return 2 * count;
}
std::size_t add_multiple(Vector* a, const Vector* b, std::size_t count) {
  Vector s = all(1e-7F);
  hide(s);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < count; ++i) a[i] += s * b[i];
  return 3 * count;
}
std::size_t scale(Vector* a, Vector* b, std::size_t count) {
  Vector s = all(0.999F);
  hide(s);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < count; ++i) a[i] *= s;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < count; ++i) b[i] *= s;
  return 4 * count;
}

// Calls of body(thread) that all threads together do in a second: the best of several windows,
// since whatever disturbs only slows down. Threads start each window together, pinned to CPUs.
template <typename Body>
double rate(const std::vector<int>& cpus, double seconds, Body&& body) {
  constexpr int kWindows = 5;
  double best = 0;
  for (int window = 0; window < kWindows; ++window) {
    std::atomic<int> waiting{static_cast<int>(cpus.size())};
    std::atomic<bool> stop{false};
    std::vector<double> rates(cpus.size());
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < cpus.size(); ++t) {
      threads.emplace_back([&, t] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<std::size_t>(cpus[t]), &set);
        pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
        body(t);
        --waiting;
        while (waiting > 0) {
        }
        const auto begin = Clock::now();
        double calls = 0;
        while (!stop) {
          body(t);
          ++calls;
          if (seconds_since(begin) > seconds / kWindows) stop = true;
        }
        rates[t] = calls / seconds_since(begin);
      });
    }
    double sum = 0;
    for (auto& thread : threads) thread.join();
    for (const double r : rates) sum += r;
    best = std::max(best, sum);
  }
  return best;
}

std::vector<long> numbers(const char* text) {
  std::vector<long> values;
  std::stringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) values.push_back(std::stol(item));
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: limits SECONDS CPU,CPU,… BYTES,BYTES,…\n");
    return 2;
  }
  const double seconds = std::atof(argv[1]);
  std::vector<int> cpus;
  for (const long cpu : numbers(argv[2])) cpus.push_back(static_cast<int>(cpu));

  std::printf("flops %.6g\n",
              kFlopsACall * rate(cpus, seconds, [](std::size_t) { multiply_add(); }));
  std::printf("quotients %.6g\n",
              kQuotientsACall * rate(cpus, seconds, [](std::size_t) { divide(); }));
  for (const long bytes : numbers(argv[3])) {
    // Two arrays a thread, of whole runs of vectors.
    const std::size_t count = static_cast<std::size_t>(bytes) / cpus.size() / 2 / kBytes / 4 * 4;
    std::vector<std::unique_ptr<Vector, decltype(&std::free)>> arrays;
    for (std::size_t i = 0; i < 2 * cpus.size(); ++i) {
      arrays.emplace_back(static_cast<Vector*>(std::aligned_alloc(64, count * kBytes)), &std::free);
      if (!arrays.back()) {
        std::fprintf(stderr, "no memory for %ld bytes\n", bytes);
        return 1;
      }
      std::fill_n(arrays.back().get(), count, all(1.0F));
    }
    // Small arrays several times a call, so that looking at the clock costs nothing.
    const std::size_t repeats = 1 + 8192 / count;
    double best = 0;
    const auto measure = [&](auto&& way) {
      std::size_t moved = 0;
      const double calls = rate(cpus, seconds / 3, [&](std::size_t thread) {
        std::size_t vectors = 0;
        for (std::size_t r = 0; r < repeats; ++r) {
          vectors += way(arrays[2 * thread].get(), arrays[2 * thread + 1].get(), count);
        }
        if (thread == 0) moved = vectors;
      });
      best = std::max(best, calls * static_cast<double>(moved * kBytes));
    };
    measure(add_up);
    measure(add_multiple);
    measure(scale);
    std::printf("bandwidth %ld %.6g\n", bytes, best);
  }
}
