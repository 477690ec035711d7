"""One mechanism for resuming, replaying and never doing the same work twice: every door's answers, on disk at once."""
