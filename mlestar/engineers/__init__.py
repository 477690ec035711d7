"""Engineers behind whom a language model stands, and the wrappers that count, limit and note every engineer."""
