"""FEW_SHOT: worked examples in the prompt. May import the shared parts; no other optimizer."""
