"""What every layer shares: checks of arguments, words of messages, threads, extras."""
