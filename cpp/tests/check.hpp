// A test harness as small as the tests need: registered functions and checks that throw.
#pragma once

#include <cmath>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace check {

struct Test {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Test>& registry() {
  static std::vector<Test> tests;
  return tests;
}

struct Registration {
  Registration(std::string name, std::function<void()> body) {
    registry().push_back({std::move(name), std::move(body)});
  }
};

template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream message;
  message.precision(17);
  (message << ... << parts);
  throw std::runtime_error(message.str());
}

// |actual - expected| <= tolerance · max(1, |expected|); NaN never passes.
inline void close(double actual, double expected, double tolerance, const std::string& what) {
  if (!(std::abs(actual - expected) <= tolerance * std::max(1.0, std::abs(expected)))) {
    fail(what, ": got ", actual, ", expected ", expected, " within ", tolerance);
  }
}

template <typename A, typename B>
void equal(const A& actual, const B& expected, const std::string& what) {
  if (!(actual == expected)) fail(what, ": got ", actual, ", expected ", expected);
}

}  // namespace check

#define TEST(name)                                                   \
  static void name();                                                \
  static const check::Registration name##_registration(#name, name); \
  static void name()
