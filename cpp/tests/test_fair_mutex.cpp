// The lock of networks: who comes when, and that nobody waits for ever.
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "problem.hpp"
#include "system/fair_mutex.hpp"

namespace {

using eigenmlp::FairMutex;
using eigenmlp::Use;
using problem::never;

// Places in the order in which they were taken, without any thread: "r" reads, "w" writes.
struct Order {
  FairMutex mutex;
  std::vector<std::optional<FairMutex::Turn>> turns{8};
  std::size_t count = 0;

  explicit Order(const std::string& uses) {
    for (const char use : uses) {
      turns[count++].emplace(mutex, use == 'w' ? Use::kWrite : Use::kRead);
    }
  }

  // The turns that have come: "1" for each that has, "." for each that is gone.
  std::string come() const {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      out += !turns[i] ? '.' : turns[i]->has_come() ? '1' : '0';
    }
    return out;
  }

  std::string without(std::size_t place) {
    turns[place].reset();
    return come();
  }
};

TEST(readers_share_and_a_writer_is_alone) {
  check::equal(Order("rrr").come(), "111", "readers");
  check::equal(Order("wrw").come(), "100", "behind a writer");
  check::equal(Order("rrw").come(), "110", "behind readers");
}

TEST(readers_that_come_later_dont_keep_a_writer_from_its_turn) {
  Order order("rwrr");
  check::equal(order.come(), "1000", "while the first one reads");
  check::equal(order.without(0), ".100", "the writer's turn");
  check::equal(order.without(1), "..11", "the later readers' turn");
}

TEST(writers_that_come_later_dont_keep_a_reader_from_its_turn) {
  Order order("wrwrr");
  check::equal(order.without(0), ".1000", "the reader's turn");
  check::equal(order.without(1), "..100", "the second writer's turn");
  check::equal(order.without(2), "...11", "the last readers' turn");
}

TEST(who_gives_up_lets_the_others_pass) {
  Order order("rwrwr");
  check::equal(order.without(1), "1.100", "readers behind a writer that has gone");
  check::equal(order.without(4), "1.10.", "nothing for the writer");
  check::equal(order.without(0), "..10.", "one still reads");
  check::equal(order.without(2), "...1.", "the writer's turn");
  check::equal(order.without(3), ".....", "nobody's turn");
  FairMutex::Turn again(order.mutex, Use::kRead);
  check::equal(again.has_come(), true, "free as at first");
}

TEST(who_waits_is_asked_whether_to_stop) {
  Order order("wr");
  int asked = 0;
  check::equal(order.turns[1]->wait([&] { return ++asked == 2; }), false, "stopped");
  check::equal(asked, 2, "times asked");
  // What is asked may itself wait for the turn, as a signal's handler does.
  check::equal(order.turns[1]->wait([&] {
    order.turns[0].reset();
    return !order.turns[1]->wait(never);
  }),
               true, "came meanwhile");
}

TEST(threads_that_never_pause_all_get_their_turns) {
  FairMutex mutex;
  std::atomic<int> readers{0};
  std::atomic<int> wrong{0};
  std::atomic<bool> done{false};
  int written = 0;
  std::vector<std::jthread> threads;
  // Each reads until all writers have written, whatever comes in between.
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      int last = 0;
      while (!done) {
        FairMutex::Turn turn(mutex, Use::kRead);
        wrong += !turn.wait(never);
        ++readers;
        wrong += written < last;
        last = written;
        --readers;
      }
    });
  }
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 2; ++i) {
      writers.emplace_back([&] {
        for (int time = 0; time < 300; ++time) {
          FairMutex::Turn turn(mutex, Use::kWrite);
          wrong += !turn.wait(never) || readers != 0;
          ++written;
        }
      });
    }
  }
  done = true;
  threads.clear();
  check::equal(written, 600, "writes");
  check::equal(wrong.load(), 0, "wrong");
}

}  // namespace
