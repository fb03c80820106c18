"""Processes killed at random moments end, once resumed, as those left alone."""

from kill_and_resume import kill_and_resume


def test_a_killed_run_resumes_to_the_same_bits() -> None:
    outcome = kill_and_resume(kills=3, epochs=40)
    assert len(outcome.expected) == 64
    assert outcome.digests == [outcome.expected] * 3
    assert outcome.unreadable == 0
